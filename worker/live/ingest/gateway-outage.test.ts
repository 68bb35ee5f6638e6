import { describe, expect, test } from 'vitest'

import { hashText } from '../../../shared/net/hash.ts'
import { startIngestGateway } from '../testing/ingest-gateway.ts'
import { startIngestWorker } from '../testing/ingest-worker.ts'
import { openPublisher } from '../testing/rtmp-client.ts'

const KEY = 'key-of-an-outage'
/** An encoder has its answer within this time. */
const ANSWER_MS = 3000

describe.concurrent('without the gateway', () => {
  test.each([
    ['does not answer', 'hang'],
    ['cuts the connection', 'drop'],
    ['answers 503', { status: 503, body: {} }],
    ['accepts without saying what', { status: 200, body: {} }],
  ] as const)('a gateway that %s refuses within three seconds', async (_name, answer) => {
    await using gateway = await startIngestGateway({ keys: [KEY], onPublish: () => answer })
    await using worker = await startIngestWorker(gateway.origin)
    const startedMs = performance.now()
    await using client = await openPublisher(worker.rtmpPort, KEY)
    expect((await client.waitForStatus('NetStream.Publish.BadName')).description).toContain('cannot be reached')
    expect(performance.now() - startedMs).toBeLessThan(ANSWER_MS)
    expect(client.statuses().map(({ code }) => code)).not.toContain('NetStream.Publish.Start')
  })

  test('an encoder that was refused without an answer is reported as gone; a refused one is not', async () => {
    await using gateway = await startIngestGateway({
      keys: [KEY],
      onPublish: ({ key_hash }) => (key_hash === hashText(KEY) ? 'hang' : null),
    })
    await using worker = await startIngestWorker(gateway.origin)
    await using unknown = await openPublisher(worker.rtmpPort, 'wrong')
    await unknown.waitForStatus('NetStream.Publish.BadName')
    await using client = await openPublisher(worker.rtmpPort, KEY)
    await client.waitForStatus('NetStream.Publish.BadName')
    const [, late] = gateway.requests()
    expect(late?.answer_within_ms).toBeLessThan(ANSWER_MS)
    await gateway.waitFor(() => gateway.reports().some(({ abandoned }) => abandoned.length > 0))
    expect(gateway.reports().at(-1)?.abandoned).toEqual([late?.source.session])
  })

  test('sessions go on, and are reported once the gateway answers again', async () => {
    let isDown = false
    await using gateway = await startIngestGateway({ keys: [KEY], isDown: () => isDown })
    await using worker = await startIngestWorker(gateway.origin)
    await using client = await openPublisher(worker.rtmpPort, KEY)
    await client.waitForStatus('NetStream.Publish.Start')
    isDown = true
    const calls = gateway.calls.length
    await gateway.waitFor(() => gateway.calls.length > calls + 2)
    expect(client.isClosed()).toBe(false)
    isDown = false
    const after = gateway.calls.length
    await gateway.waitFor(() => gateway.calls.length > after + 1)
    expect(client.isClosed()).toBe(false)
    expect(gateway.sessions().at(-1)).toMatchObject({ ended: null })
    // A repeated report has the number and the content of the first attempt.
    const reports = gateway.reports().map(({ seq }) => seq)
    expect(reports).toEqual(reports.toSorted((a, b) => a - b))
  })
})
