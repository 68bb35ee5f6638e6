import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { until } from '../../../shared/testing/until.ts'

import { KEY, framesOf, publish, startBroadcast, startReaderAfter } from '../testing/broadcast.ts'
import { makeFlvClip, type FlvClip } from '../testing/flv-clip.ts'
import { startIngestGateway } from '../testing/ingest-gateway.ts'
import { startIngestWorker } from '../testing/ingest-worker.ts'
import { openPublisher } from '../testing/rtmp-client.ts'

const BAD_NAME = 'NetStream.Publish.BadName'
const START = 'NetStream.Publish.Start'

let clip: FlvClip
beforeAll(async () => {
  clip = await makeFlvClip({ sec: 6 })
})
afterAll(() => clip[Symbol.asyncDispose]())

describe.concurrent('authorization', () => {
  test('an encoder publishes once the gateway accepts the hash of its key; the key itself goes nowhere', async () => {
    await using broadcast = await startBroadcast()
    const { gateway, worker, source } = broadcast
    await gateway.waitFor(() => gateway.sessions().some(({ session }) => session === source.session))
    expect(gateway.requests()[0]).toMatchObject({ epoch: 1, address: '127.0.0.1', active_sessions: [] })
    expect(gateway.sessions()[0]).toMatchObject({ stream_id: gateway.streamIds.get(KEY), ended: null })
    const visible = JSON.stringify(gateway.calls) + worker.lines.join('\n')
    expect(visible).not.toContain(KEY)
  })

  test('a refused encoder receives BadName with the reason of the gateway, never Start, and is disconnected', async () => {
    await using gateway = await startIngestGateway({ keys: [KEY] })
    await using worker = await startIngestWorker(gateway.origin)
    await using client = await openPublisher(worker.rtmpPort, 'wrong')
    expect(await client.waitForStatus(BAD_NAME)).toMatchObject({ level: 'error', description: 'refused: WRONG_KEY' })
    await until(client.isClosed, 'the connection is closed')
    expect(client.statuses().map(({ code }) => code)).not.toContain(START)
    expect(gateway.sessions()).toEqual([])
  })

  test('a second encoder is refused while the first one sends, and the first one loses nothing', async () => {
    await using broadcast = await startBroadcast()
    const { worker, client, gateway, source } = broadcast
    await using reader = await startReaderAfter(client, clip.tags.slice(0, 100), source)
    await using second = await openPublisher(worker.rtmpPort, KEY)
    expect((await second.waitForStatus(BAD_NAME)).description).toBe('refused: ALREADY_LIVE')
    expect(gateway.requests()[1]?.active_sessions).toEqual([source.session])
    publish(client, clip.tags.slice(100))
    client.command('deleteStream', null, 1)
    expect(framesOf(await reader.readAll())).toEqual(framesOf(clip.tags))
  })

  test('an encoder that has sent nothing for 5 s is no longer active, and the next one takes over', async () => {
    await using broadcast = await startBroadcast()
    const { worker, client, gateway, source } = broadcast
    publish(client, clip.tags)
    const tryAgain = async () => {
      await using next = await openPublisher(worker.rtmpPort, KEY)
      await until(() => next.statuses().some(({ code }) => [BAD_NAME, START].includes(code)), 'there is an answer')
      return next.statuses().some(({ code }) => code === START)
    }
    await until(tryAgain, 'the next encoder is accepted')
    expect((await client.waitForStatus(BAD_NAME)).description).toBe('another encoder took over')
    const ending = () => gateway.sessions().find(({ session, ended }) => session === source.session && ended !== null)
    await gateway.waitFor(() => ending() !== undefined)
    expect(ending()?.ended).toBe('another encoder took over')
    expect(gateway.requests().at(-1)?.active_sessions).toEqual([])
  })
})
