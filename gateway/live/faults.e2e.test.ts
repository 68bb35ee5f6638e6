import { setTimeout as wait } from 'node:timers/promises'

import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'

import { readFrameNumbers } from '../../shared/testing/frame-counter.ts'
import { mountSmallDisk, type SmallDisk } from '../../shared/testing/small-disk.ts'
import { PATIENCE_MS, until } from '../../shared/testing/until.ts'
import { openEventSource } from '../testing/event-source.ts'
import type { ApiResponse, Json } from '../testing/test-gateway.ts'
import { startAdmittedEncoder, startEncoder, type TestEncoder } from './testing/encoder.ts'
import { waitForIngest } from './testing/ingest-address.ts'
import { playBroadcast } from './testing/player/player.ts'
import { startLiveStage, type LiveStage } from './testing/live-stage.ts'
import { signUp, type TestUser } from './testing/live-gateway.ts'

// All faults happen to one broadcast; each test leaves it on the air, but for the last one.

const HEIGHT = 180
/** As browsers wait where the stream says so. */
const RECONNECT_MS = 1000
const SETTINGS = { LIVE_LADDER: '180:300', RECONNECT_WINDOW: '60s', LOG_LEVEL: 'warn' }

let stage: LiveStage
let disk: SmallDisk | null
let users: readonly TestUser[]
let encoder: TestEncoder
let id: string
let key: string
beforeAll(async () => {
  stage = await startLiveStage(SETTINGS)
  disk = await mountSmallDisk(stage.storeDir, 'size=16m')
  users = await Promise.all(['broadcaster', 'anna', 'ben'].map((name) => signUp(stage.api, name)))
  const { json } = await api('POST', '/streams', { title: 'A show' })
  id = json.stream_id
  key = json.stream_key
  encoder = startEncoder({ url: `${await ingestUrl()}/${key}`, sec: 300 })
  await until(async () => (await listSegments()).length >= 3, 'there are three segments')
})
afterAll(async () => {
  await encoder[Symbol.asyncDispose]()
  await disk?.[Symbol.asyncDispose]()
  await stage[Symbol.asyncDispose]()
})

const api = (method: string, path: string, body?: unknown, user = users[0]) =>
  stage.api(method, `/api/v1${path}`, body, user?.headers)
const read = async () => (await api('GET', `/streams/${id}`)).json
const playlistUrl = (query = '') => `${stage.url}/live/${id}/${HEIGHT}.m3u8${query}`

/** Returns where encoders publish to, once an ingest worker listens there. */
async function ingestUrl(): Promise<string> {
  const { json } = await api('POST', '/streams', { title: 'Probe' })
  const renew = async () => (await api('POST', `/streams/${json.stream_id}/key`)).json.ingest.rtmp_url
  return waitForIngest(renew)
}

/** Returns the stored segments: how long after the end of the one before each begins, in ms. */
const listSegments = () => stage.database.sql<{ gap_ms: number }[]>`
  select coalesce(extract(epoch from program_date_time - lag(program_date_time + duration_sec * interval '1 s')
    over (order by seq)) * 1000, 0)::float8 as gap_ms
  from stream_segments where stream_id = ${id} order by seq`

/** A segment is longer than this; the times of runs differ by less, as their frames arrive sooner or later. */
const MISSING_MS = 500

/** Waits until more segments are stored; none may be missing before them. */
async function expectMoreSegments(count: number): Promise<void> {
  const before = (await listSegments()).length
  await until(async () => (await listSegments()).length >= before + count, `${count} more segments are stored`)
  expect((await listSegments()).filter(({ gap_ms: ms }) => Math.abs(ms) > MISSING_MS)).toEqual([])
}

/** Something that goes on until it is stopped, at the latest with its test. */
type Repeated = { stop(): Promise<void> }

function repeat(work: () => Promise<void>, pauseMs: number): Repeated {
  const stopped = new AbortController()
  const running = (async () => {
    while (!stopped.signal.aborted) {
      await work()
      await wait(pauseMs)
    }
  })()
  const stop = async () => {
    stopped.abort()
    await running
  }
  onTestFinished(stop)
  return { stop }
}

/** Collects the states of the broadcast, past its gateways. */
function watchStates(): Repeated & { readonly states: Set<string> } {
  const states = new Set<string>()
  const look = async () => {
    const [row] = await stage.database.sql<{ state: string }[]>`select state from streams where stream_id = ${id}`
    states.add(row?.state ?? 'gone')
  }
  return { states, ...repeat(look, 50) }
}

/** `text`: the answer, where it is a refusal. */
type Outcome = { readonly status: number | string; readonly ms: number; readonly text?: string }

/** Sends requests that may be repeated, and collects how they end. */
function send(request: () => Promise<Pick<ApiResponse, 'status' | 'text'>>, pauseMs = 50) {
  const outcomes: Outcome[] = []
  // As browsers do where a server closes the connection that it had kept open, instead of an answer (RFC 9112 §9.3.1).
  const repeatOnce = async (error: unknown) => {
    if (!isClosedBefore(error)) throw error
    return request()
  }
  const once = async () => {
    const beganMs = performance.now()
    const answer = await request()
      .catch(repeatOnce)
      .then(
        ({ status, text }) => (status < 400 ? { status } : { status, text }),
        (error: unknown) => ({ status: String(error) }),
      )
    outcomes.push({ ...answer, ms: performance.now() - beganMs })
  }
  return { outcomes, ...repeat(once, pauseMs) }
}

function isClosedBefore(error: unknown): boolean {
  return error instanceof Error && String(error.cause).includes('other side closed')
}

async function fetchText(url: string): Promise<{ status: number; text: string }> {
  const response = await fetch(url)
  return { status: response.status, text: await response.text() }
}

/** Reloads the playlist as a player does that waits for the next segment. */
async function reloadPlaylist() {
  const { text } = await fetchText(playlistUrl())
  const first = Number(/^#EXT-X-MEDIA-SEQUENCE:(\d+)/m.exec(text)?.[1])
  return fetchText(playlistUrl(`?_HLS_msn=${first + (text.match(/^#EXTINF/gm)?.length ?? 0)}`))
}

/** Follows a stream of events over all ends as browsers do; collects the numbers of the chat's entries. */
function followChat(path: string, name: string): Repeated & { readonly seqs: readonly number[] } {
  const seqs: number[] = []
  let lastId: string | null = null
  let leave = () => {}
  const connect = async () => {
    const url = `${stage.url}/api/v1/streams/${id}${path}`
    const source = await openEventSource(url, lastId === null ? {} : { 'last-event-id': lastId })
    leave = source.disconnect
    await source.ended.catch(() => undefined)
    lastId = source.lastId() ?? lastId
    const entries = source.events.filter(({ event }) => event === name).flatMap(({ data }) => [data].flat())
    seqs.push(...entries.map(({ seq }: Json) => seq))
  }
  // A connection that fails is tried again.
  const { stop } = repeat(() => connect().catch(() => undefined), RECONNECT_MS)
  const end = async () => {
    const stopped = stop()
    leave()
    await stopped
  }
  onTestFinished(end)
  return { seqs, stop: end }
}

const say = (user: TestUser | undefined, text: string, nonce: string): Promise<ApiResponse> =>
  api('POST', `/streams/${id}/messages`, { text, nonce }, user)

/** Returns a request that sends one more message each second, which is as often as a user may. */
function chatter(user: TestUser | undefined, text: string) {
  let count = 0
  let sentMs = 0
  return () => {
    // One that is repeated is the same message.
    if (Date.now() - sentMs > 1000) [count, sentMs] = [count + 1, Date.now()]
    return say(user, text, `${text.replace(' ', '-')}-${count}`)
  }
}

it('a rolling update of both gateways and the end of the live worker fail no request, and lose no segment and no message', async () => {
  const [, anna, ben] = users
  const watched = watchStates()
  const followed = [followChat('/events', 'chat'), followChat('/chat/events', 'message')]
  const requests = [
    send(() => api('GET', `/streams/${id}`)),
    send(() => fetchText(playlistUrl())),
    send(reloadPlaylist),
    send(chatter(anna, 'from Anna'), 1100),
    send(chatter(ben, 'from Ben'), 1100),
  ]
  await expectMoreSegments(1)
  await stage.replaceGateway()
  const [worker = 0] = stage.workerPids(`live-${id}`)
  process.kill(worker, 'SIGTERM')
  await stage.replaceGateway()
  await until(() => stage.workerPids(`live-${id}`).some((pid) => pid !== worker), 'another live worker is there')
  await expectMoreSegments(2)
  for (const { stop } of [watched, ...requests]) await stop()
  const outcomes = requests.flatMap((one) => one.outcomes)
  expect(outcomes.filter(({ status }) => status !== 200 && status !== 201)).toEqual([])
  expect(new Set(outcomes.map(({ status }) => status))).toEqual(new Set([200, 201]))
  expect(watched.states).toEqual(new Set(['live']))
  const { last_seq: lastSeq } = (await api('GET', `/streams/${id}/messages`)).json
  const all = Array.from({ length: lastSeq }, (_one, i) => i + 1)
  for (const { seqs, stop } of followed) {
    await stop()
    expect(seqs.length).toBeGreaterThan(5)
    // They may have come after the first one, and left before the last one.
    expect(seqs).toEqual(all.slice((seqs[0] ?? 0) - 1, seqs.at(-1)))
  }
})

it('while the store is full the broadcast goes on and says why nothing comes; afterwards nothing is missing', async ({
  skip,
}) => {
  if (disk === null) return skip('only root can mount a disk')
  const watched = watchStates()
  await disk.fill()
  const encoding = async () => (await read()).health.encoding
  await until(async () => (await encoding()).problem?.includes('ENOSPC') === true, 'its owner sees why')
  const { json: ordered } = await api('POST', `/streams/${id}/clips`, { start: -5, duration: 5 })
  await until(() => stage.workerLines.some((line) => line.includes('no space is left')), 'the clip waits for space')
  const clip = async () => (await api('GET', `/clips/${ordered.clip_id}`)).json
  expect(await clip()).toMatchObject({ status: 'processing', playback_url: null })
  await disk.free()
  await expectMoreSegments(2)
  await until(async () => (await clip()).status === 'ready', 'the clip is cut')
  await until(async () => (await encoding()).problem === null, 'all is well again')
  await watched.stop()
  expect(watched.states).toEqual(new Set(['live']))
})

it('no request hangs on half-open connections to the database, and the broadcast goes on as if nothing had been', async () => {
  const watched = watchStates()
  const { text: master } = await fetchText(`${stage.url}/live/${id}/master.m3u8`)
  const viewer = followChat(`/events?viewer=${/viewer=(\w+)/.exec(master)?.[1]}`, 'chat')
  await until(async () => (await read()).viewer_count === 1, 'there is a viewer')
  const { json: other } = await api('POST', '/streams', { title: 'Another show' })
  const url = `${await ingestUrl()}/${other.stream_key}`
  stage.databaseRoute.swallow()
  const requests = [
    send(() => api('GET', `/streams/${id}`)),
    send(() => fetchText(playlistUrl())),
    send(() => say(users[0], 'in vain', 'only-once')),
  ]
  await using refused = startEncoder({ url, sec: 5 })
  expect((await refused.ended).output).toContain('cannot be reached')
  // Longer than an encoder may be unseen.
  await wait(12_000)
  stage.databaseRoute.restore()
  await until(async () => (await say(users[0], 'in vain', 'only-once')).status === 201, 'messages are written again')
  await expectMoreSegments(1)
  for (const { stop } of [watched, ...requests]) await stop()
  const outcomes = requests.flatMap((one) => one.outcomes)
  expect(outcomes.filter(({ ms }) => ms > 10_000)).toEqual([])
  const statuses = new Set(outcomes.map(({ status }) => status))
  expect(statuses).toContain(503)
  expect([200, 201, 503]).toEqual(expect.arrayContaining([...statuses]))
  expect(watched.states).toEqual(new Set(['live']))
  const { messages } = (await api('GET', `/streams/${id}/messages`)).json
  expect(messages.filter(({ text }: Json) => text === 'in vain')).toHaveLength(1)
  await until(async () => (await read()).viewer_count === 1, 'the viewer is back')
  await viewer.stop()
  await using admitted = await startAdmittedEncoder({ url, sec: 2 })
  expect(await admitted.ended).toEqual({ code: 0, output: expect.any(String) })
})

it('an ingest worker that stops loses nothing of what was sent; the encoder goes on in the same recording', async () => {
  const [ingest = 0] = stage.workerPids('ingest-0')
  const sent = encoder.sentFrames()
  process.kill(ingest, 'SIGTERM')
  await encoder.ended
  const first = 8192
  await using again = await startAdmittedEncoder({ url: `${await ingestUrl()}/${key}`, sec: 4, firstNumber: first })
  expect(await again.ended).toEqual({ code: 0, output: expect.any(String) })
  await until(async () => (await read()).state === 'reconnecting', 'all that the encoder has sent has arrived')
  await api('PUT', `/streams/${id}/end`)
  await until(async () => (await fetchText(playlistUrl())).text.includes('#EXT-X-ENDLIST'), 'the recording is complete')
  const url = `${stage.url}/live/${id}/master.m3u8`
  const played = await playBroadcast({ url, signal: AbortSignal.timeout(PATIENCE_MS) })
  const frames = await played.readFrameNumbers(HEIGHT)
  const before = frames.filter((number) => number < first)
  expect(before.length).toBeGreaterThanOrEqual(sent)
  expect(before).toEqual(before.map((_number, i) => i))
  expect(frames.slice(before.length)).toEqual(Array.from({ length: 120 }, (_one, i) => first + i))
  // Programs that read the first initialization segment only decode all of it too.
  await expect(readFrameNumbers(url, HEIGHT)).resolves.toContain(first + 119)
})
