import { expect, test } from 'vitest'

import { startReceiver } from '../../testing/receiver.ts'
import { isStandardWebhook } from '../../testing/standard-webhook.ts'
import { startWholeSystem } from '../../testing/whole-system.ts'
import { startEncoder } from '../testing/encoder.ts'
import { waitForIngest } from '../testing/ingest-address.ts'
import { signUp } from '../testing/live-gateway.ts'

type Alert = { readonly kind: string; readonly since: string }

test('the owner of a broadcast sees that it is frozen, black and silent, and that it is not any more, and gets a webhook of each', async () => {
  await using system = await startWholeSystem({ INGEST_WORKERS: '1', LIVE_LADDER: '180:300' })
  const call = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const { status, json } = await system.api(method, path, body, headers)
    return { status, json, text: '', headers: new Headers() }
  }
  const owner = await signUp(call, 'watched-one')
  await using receiver = await startReceiver('another key')
  const webhook = { fault_webhook_url: receiver.url }
  const { json: set } = await call('PUT', '/api/v1/notifications/webhook', webhook, owner.headers)
  const { json: created } = await call('POST', '/api/v1/streams', { title: 'Night' }, owner.headers)
  const read = async () => (await call('GET', `/api/v1/streams/${created.stream_id}`, undefined, owner.headers)).json
  const alerts = async (): Promise<readonly Alert[]> => (await read()).health?.alerts ?? []
  const { json: probe } = await call('POST', '/api/v1/streams', { title: 'Probe' }, owner.headers)
  const renewal = `/api/v1/streams/${probe.stream_id}/key`
  const url = await waitForIngest(
    async () => (await call('POST', renewal, undefined, owner.headers)).json.ingest.rtmp_url,
  )

  const options = { url: `${url}/${created.stream_key}`, sec: 120, still: [4, 20], dark: [20, 36] } as const
  await using encoder = startEncoder(options)
  const kinds = async () => (await alerts()).map(({ kind }) => kind).toSorted((a, b) => a.localeCompare(b))
  await expect.poll(kinds).toEqual(['frozen'])
  await expect.poll(kinds).toEqual(['black', 'silent'])
  const { started_at: startedAt } = await read()
  for (const { since } of await alerts()) {
    const afterSec = (Date.parse(since) - Date.parse(startedAt)) / 1000
    expect(afterSec).toBeGreaterThan(18)
    expect(afterSec).toBeLessThan(36)
  }
  await expect.poll(kinds).toEqual([])
  const sent = () => receiver.deliveries.map(({ payload }) => payload.event_type)
  await expect.poll(() => sent().length).toBe(6)
  expect(sent().slice(0, 1)).toEqual(['fault.frozen'])
  const kindsSent = ['fault.black', 'fault.frozen', 'fault.silent']
  expect(
    sent()
      .filter((type) => !type.endsWith('_recovered'))
      .toSorted((a, b) => a.localeCompare(b)),
  ).toEqual(kindsSent)
  for (const kind of kindsSent) {
    const [begun, over] = receiver.deliveries.filter(({ payload }) => payload.event_type.startsWith(kind))
    expect([begun?.payload.event_type, over?.payload.event_type]).toEqual([kind, `${kind}_recovered`])
    expect(over?.payload.data['started_at']).toBe(begun?.payload.data['started_at'])
    expect(over?.payload.data['total_duration_sec']).toBeGreaterThan(5)
  }
  for (const delivery of receiver.deliveries) expect(isStandardWebhook(set.signing_secret, delivery)).toBe(true)
  // The monitor is no viewer.
  expect(await read()).toMatchObject({ viewer_count: 0, peak_viewers: 0 })
  encoder.kill('SIGKILL')
})
