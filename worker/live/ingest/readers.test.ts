import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { TAG_TYPE, type FlvTag } from '../flv/flv-tag.ts'
import { framesOf, isFrame, publish, startBroadcast, startReaderAfter } from '../testing/broadcast.ts'
import { makeFlvClip, type FlvClip } from '../testing/flv-clip.ts'

import { openSession, signSessionRequest } from '../testing/session-reader.ts'

let clip: FlvClip
beforeAll(async () => {
  clip = await makeFlvClip({ sec: 6 })
})
afterAll(() => clip[Symbol.asyncDispose]())

describe.concurrent('readers', () => {
  test('a reader receives every frame as it was published, byte for byte, and the stream ends with the session', async () => {
    await using broadcast = await startBroadcast()
    const { client, source } = broadcast
    await using early = await startReaderAfter(client, clip.tags.slice(0, 50), source)
    publish(client, clip.tags.slice(50))
    await early.waitForTags((tags) => framesOf(tags).length === framesOf(clip.tags).length)
    client.command('deleteStream', null, 1)
    expect(framesOf(await early.readAll())).toEqual(framesOf(clip.tags))
    expect(early.tags.slice(0, 3).map(({ type }) => type)).toEqual([18, 9, 8])
    expect(early.headers.get('x-first-timestamp')).toBe('0')
    expect(Math.abs(Number(early.headers.get('x-base-ms')) - Date.now())).toBeLessThan(600_000)
    // What has ended is kept for a worker that starts anew.
    await using late = await openSession(source, 0)
    expect(framesOf(await late.readAll())).toEqual(framesOf(clip.tags))
  })

  test('a reader that comes back continues at the key frame at or before its time, with nothing lost', async () => {
    await using broadcast = await startBroadcast()
    const { client, source } = broadcast
    publish(client, clip.tags)
    client.command('deleteStream', null, 1)
    await using reader = await openSession(source, 3500)
    const tags = await reader.readAll()
    expect(Number(reader.headers.get('x-first-timestamp'))).toBe(3000)
    // Sound of the time before the key frame that was sent after it is there too.
    expect(framesOf(tags, 3000)).toEqual(framesOf(clip.tags, 3000))
    await using newest = await openSession(source)
    await newest.readAll()
    expect(newest.headers.get('x-first-timestamp')).toBe('5000')
  })

  test('a reader that comes first waits for the first key frame', async () => {
    await using broadcast = await startBroadcast()
    const { client, source } = broadcast
    const opening = openSession(source)
    publish(client, clip.tags)
    client.command('deleteStream', null, 1)
    await using reader = await opening
    const first = Number(reader.headers.get('x-first-timestamp'))
    expect(framesOf(await reader.readAll(), first)).toEqual(framesOf(clip.tags, first))
  })

  test('segments that the gateway knows are dropped, except for the newest group', async () => {
    await using broadcast = await startBroadcast()
    const { client, gateway, source, worker } = broadcast
    publish(client, clip.tags)
    gateway.judge({ session: source.session, end_reason: null, known_until_ms: 4100 })
    const reports = gateway.reports().length
    await gateway.waitFor(() => gateway.reports().length > reports + 1)
    await using reader = await openSession(source, 0)
    expect(reader.headers.get('x-first-timestamp')).toBe('3000')
    worker.lifetime.stop()
    await reader.readAll()
  })

  test('requests are judged by the time of the gateway, also after it has been corrected by an hour', async () => {
    let offsetMs = 0
    await using broadcast = await startBroadcast(() => Date.now() + offsetMs)
    const { gateway, client, source } = broadcast
    publish(client, clip.tags)
    offsetMs = 3_600_000
    const reports = gateway.reports().length
    await gateway.waitFor(() => gateway.reports().length > reports + 1)
    const statusOf = async (nowMs: number) => {
      const response = await fetch(signSessionRequest(source, '', nowMs))
      await response.body?.cancel()
      return response.status
    }
    expect([await statusOf(Date.now()), await statusOf(Date.now() + offsetMs)]).toEqual([401, 200])
  })

  test('only signed requests for a session that is there are answered', async () => {
    await using broadcast = await startBroadcast()
    const { client, source } = broadcast
    publish(client, clip.tags)
    const other = { ...source, url: source.url.replace(source.session, source.session.replace(/^./, 'f')) }
    const status = async (request: Request | string) => {
      const response = await fetch(request)
      await response.body?.cancel()
      return response.status
    }
    expect(await status(source.url)).toBe(401)
    expect(await status(signSessionRequest({ ...source, token: 'x'.repeat(64) }))).toBe(401)
    expect(await status(new Request(`${source.url}?from=5`, { headers: signSessionRequest(source).headers }))).toBe(401)
    expect(await status(signSessionRequest(other))).toBe(404)
    expect(await status(signSessionRequest(source, '?from=-1'))).toBe(404)
    expect(await status(signSessionRequest(source, '?from=1'))).toBe(200)
  })

  test('the timestamps of a session begin at 0, and go on over a wrap and over jumps', async () => {
    await using broadcast = await startBroadcast()
    const { client, source } = broadcast
    const wrapping = (ms: number) => (2 ** 32 - 1500 + ms) % 2 ** 32
    const jumping = (ms: number) => (ms < 4000 ? wrapping(ms) : wrapping(ms) + 3_600_000)
    publish(client, clip.tags, jumping)
    client.command('deleteStream', null, 1)
    await using reader = await openSession(source, 0)
    const tags = await reader.readAll()
    const bodies = (list: readonly FlvTag[]) => list.map(({ body }) => body.toString('base64'))
    const media = (list: readonly FlvTag[]) => list.filter(isFrame)
    expect(bodies(media(tags))).toEqual(bodies(media(clip.tags)))
    for (const type of [TAG_TYPE.audio, TAG_TYPE.video]) {
      const times = media(tags).flatMap((tag) => (tag.type === type ? [tag.timestampMs] : []))
      const expected = media(clip.tags).flatMap((tag) => (tag.type === type ? [tag.timestampMs] : []))
      expect(Math.max(...times.map((ms, i) => Math.abs(ms - (expected[i] ?? 0))))).toBeLessThanOrEqual(3)
    }
  })
})
