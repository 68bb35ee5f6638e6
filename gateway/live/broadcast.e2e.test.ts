import { execFile } from 'node:child_process'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'

import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { readFrameNumbers } from '../../shared/testing/frame-counter.ts'
import { PATIENCE_MS, until } from '../../shared/testing/until.ts'
import { findEncoderPids, findWorkerPids } from '../testing/find-processes.ts'
import { checkInvariants } from '../testing/invariants/check-invariants.ts'
import { killPostgres, startWholeSystem, type WholeSystem } from '../testing/whole-system.ts'
import { startAdmittedEncoder, startEncoder, type TestEncoder } from './testing/encoder.ts'
import { waitForIngest } from './testing/ingest-address.ts'
import { signUp, type TestUser } from './testing/live-gateway.ts'
import { playBroadcast } from './testing/player/player.ts'

const run = promisify(execFile)
const HEIGHT = 180

let system: WholeSystem
let owner: TestUser
beforeAll(async () => {
  const settings = {
    INGEST_WORKERS: '1',
    RECONNECT_WINDOW: '60s',
    LIVE_LADDER: '360:800,180:300',
    RATE_LIMIT_WRITES_PER_MIN: '10000',
    LIVE_WATCHDOG: 'false',
  }
  system = await startWholeSystem(settings, { isEmbedded: true })
  owner = await signUp(call, 'broadcaster')
  const { json } = await api('POST', '/streams', { title: 'Probe' })
  await waitForIngest(async () => (await api('POST', `/streams/${json.stream_id}/key`)).json.ingest.rtmp_url)
  await api('DELETE', `/streams/${json.stream_id}`)
})
afterAll(async () => {
  const sql = postgres(system.databaseUrl, { max: 1 })
  await checkInvariants(sql, { realWorkers: true })
  await sql.end()
  await system[Symbol.asyncDispose]()
})

async function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const { status, json } = await system.api(method, path, body, headers)
  return { status, json, text: JSON.stringify(json), headers: new Headers() }
}

const api = (method: string, path: string, body?: unknown) => call(method, `/api/v1${path}`, body, owner.headers)

/** Returns where encoders publish to, once a broadcast can be published to. */
async function readIngestUrl(): Promise<string | null> {
  const { json } = await api('POST', '/streams', { title: 'Probe' })
  await using encoder = startEncoder({ url: `${json.ingest.rtmp_url}/no-key`, sec: 1 })
  const { output } = await encoder.ended
  await api('DELETE', `/streams/${json.stream_id}`)
  return /BadName|Server error/.test(output) ? json.ingest.rtmp_url : null
}

type Broadcast = { readonly id: string; readonly key: string; readonly url: string; readonly master: string }

async function createBroadcast(more: object = {}): Promise<Broadcast> {
  const { json } = await api('POST', '/streams', { title: 'A show', ...more })
  const id: string = json.stream_id
  const master = `${system.gateway().origin}/live/${id}/master.m3u8`
  return { id, key: json.stream_key, url: `${json.ingest.rtmp_url}/${json.stream_key}`, master }
}

const stateOf = async (id: string) => (await api('GET', `/streams/${id}`)).json.state

/** Returns a media playlist. */
async function readPlaylist({ id }: Broadcast): Promise<string> {
  const response = await fetch(`${system.gateway().origin}/live/${id}/${HEIGHT}.m3u8`)
  const text = await response.text()
  return response.ok ? text : ''
}

const countSegments = async (broadcast: Broadcast) => (await readPlaylist(broadcast)).match(/^#EXTINF/gm)?.length ?? 0

async function waitForSegments(broadcast: Broadcast, count: number): Promise<void> {
  await until(async () => (await countSegments(broadcast)) >= count, `${count} segments`)
}

/** First number in the frames of a second encoder. */
const SECOND_FIRST = 8192

/** Resolves once nothing is written below a folder any more. */
async function waitForSilence(folder: string): Promise<void> {
  const measure = async () => {
    // It is written ten times a second.
    await delay(300)
    const files = await readdir(folder, { recursive: true })
    const sizes = await Promise.all(
      files.map((file) =>
        stat(join(folder, file)).then(
          ({ size }) => size,
          () => 0,
        ),
      ),
    )
    return sizes.join()
  }
  let before = ''
  await until(async () => before === (before = await measure()), 'nothing is written any more')
}

/** Ends a broadcast and returns the frame numbers of its recording, read as any player reads it. */
async function recordedFrames(broadcast: Broadcast): Promise<number[]> {
  await api('PUT', `/streams/${broadcast.id}/end`)
  await until(async () => (await readPlaylist(broadcast)).includes('#EXT-X-ENDLIST'), 'the recording is complete')
  return readFrameNumbers(broadcast.master, HEIGHT)
}

/** Returns the recording of a broadcast once its file is made, or cannot be made. */
async function waitForArchive({ id }: Broadcast) {
  const find = async () => {
    const { archives } = (await api('GET', '/archives?limit=200')).json
    return archives.find(
      (one: { stream_id: string; status: string }) => one.stream_id === id && one.status !== 'processing',
    )
  }
  await until(async () => (await find()) !== undefined, 'the recording is made')
  return find()
}

/** Returns a clip once it is cut, or cannot be cut. */
async function waitForClip(id: string) {
  const read = async () => (await api('GET', `/clips/${id}`)).json
  await until(async () => (await read()).status !== 'processing', 'the clip is cut')
  return read()
}

/** Kills a process; one that makes a picture may have ended. */
function killIfRunning(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // ESRCH: it has.
  }
}

function expectConsecutive(frames: readonly number[], count: number): void {
  expect(frames).toEqual(Array.from({ length: count }, (_, i) => i))
}

describe('a broadcast', () => {
  it('is on the air, played by ffprobe, recorded whole and clipped though its worker and its encoder process are killed', async () => {
    const broadcast = await createBroadcast()
    await using encoder = startEncoder({ url: broadcast.url, sec: 20 })
    await until(async () => (await stateOf(broadcast.id)) === 'live', 'it is on the air')
    const { stdout } = await run('ffprobe', [
      '-v',
      'error',
      '-show_entries',
      'stream=codec_name',
      '-of',
      'csv=p=0',
      broadcast.master,
    ])
    expect(stdout).toMatch(/h264[\s\S]*aac/)
    await waitForSegments(broadcast, 3)
    const [worker = 0] = findWorkerPids(`live-${broadcast.id}`)
    process.kill(worker, 'SIGKILL')
    await waitForSegments(broadcast, 6)
    const [second = 0] = findWorkerPids(`live-${broadcast.id}`)
    expect(second).not.toBe(worker)
    for (const pid of findEncoderPids(second)) killIfRunning(pid)
    const { json: ordered } = await api('POST', `/streams/${broadcast.id}/clips`, { start: -11, duration: 5.5 })
    await encoder.ended
    await until(async () => (await stateOf(broadcast.id)) === 'reconnecting', 'its encoder is gone')
    const clip = await waitForClip(ordered.clip_id)
    expect(clip).toMatchObject({ status: 'ready', error: null })
    const cut = await readFrameNumbers(system.gateway().origin + clip.playback_url, HEIGHT)
    const first = cut[0] ?? Number.NaN
    expect(cut).toEqual(Array.from({ length: 165 }, (_, i) => first + i))
    expectConsecutive(await recordedFrames(broadcast), 600)
    const playlist = await readPlaylist(broadcast)
    expect(playlist).toContain('#EXT-X-MEDIA-SEQUENCE:0')
    expect(playlist.match(/^#EXT-X-MAP/gm)?.length).toBeGreaterThanOrEqual(3)
    expect(playlist).not.toContain('#EXT-X-DISCONTINUITY\n')
    const { archives } = (await api('GET', '/archives')).json
    expect(archives).toContainEqual(
      expect.objectContaining({ stream_id: broadcast.id, duration: expect.closeTo(20, 1) }),
    )
  })

  it('goes on when its encoder comes back, as the same broadcast, and its key is nowhere', async () => {
    const broadcast = await createBroadcast()
    {
      await using first = startEncoder({ url: broadcast.url, sec: 60 })
      await waitForSegments(broadcast, 2)
      first.kill('SIGKILL')
    }
    await until(async () => (await stateOf(broadcast.id)) === 'reconnecting', 'its encoder is gone')
    const before = await countSegments(broadcast)
    await using second = startEncoder({ url: broadcast.url, sec: 8 })
    await until(async () => (await stateOf(broadcast.id)) === 'live', 'the encoder is back')
    await waitForSegments(broadcast, before + 2)
    const secret = broadcast.key
    const lines = await Promise.all(
      (await readdir('/proc'))
        .filter((pid) => /^\d+$/.test(pid))
        .map(async (pid) => {
          const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
          // The encoder of the test has to know it.
          return line.startsWith('ffmpeg\0-nostdin\0-v\0error\0-progress') ? '' : line
        }),
    )
    expect(lines.filter((line) => line.includes(secret))).toEqual([])
    expect(system.gateway().lastLines.join('\n')).not.toContain(secret)
    const names = await readdir(join(system.dataDir, 'media'), { recursive: true })
    expect(names.filter((name) => name.includes(secret))).toEqual([])
    await second.ended
  })

  it('has one encoder: a second is refused, and takes over when the first is frozen', async () => {
    const broadcast = await createBroadcast()
    await using first = startEncoder({ url: broadcast.url, sec: 120 })
    await waitForSegments(broadcast, 1)
    await using refused = startEncoder({ url: broadcast.url, sec: 5 })
    expect((await refused.ended).code).not.toBe(0)
    first.kill('SIGSTOP')
    let next: TestEncoder | undefined
    await until(async () => {
      next = startEncoder({ url: broadcast.url, sec: 8 })
      return (await next.ended).code === 0
    }, 'the second encoder has published to its end')
    await next?.[Symbol.asyncDispose]()
    await until(async () => (await stateOf(broadcast.id)) === 'reconnecting', 'the end of the second one is known')
  })

  it('survives the end of its gateway, its ingest and its database: the encoder reconnects to the same broadcast', async () => {
    const broadcast = await createBroadcast()
    await using encoder = startEncoder({ url: broadcast.url, sec: 120 })
    await waitForSegments(broadcast, 2)
    await killPostgres(system)
    await waitForSegments(broadcast, 4)
    const sent = encoder.sentFrames()
    await until(() => encoder.sentFrames() > sent + 5, 'its muxer, which waits for sound, has written these frames')
    encoder.kill('SIGSTOP')
    await waitForSilence(join(system.dataDir, 'ingest'))
    system.gateway().kill('SIGKILL')
    await system.gateway().exited
    encoder.kill('SIGCONT')
    await system.startGateway()
    await encoder.ended
    let ingestUrl: string | null = null
    await until(async () => (ingestUrl = await readIngestUrl()) !== null, 'an ingest worker listens again')
    const { json } = await api('GET', `/streams/${broadcast.id}`)
    expect(['live', 'reconnecting']).toContain(json.state)
    const before = await countSegments(broadcast)
    expect(before).toBeGreaterThanOrEqual(4)
    // The port may be another one: beside other tests it is any free one.
    const url = `${ingestUrl}/${broadcast.key}`
    await using _again = await startAdmittedEncoder({ url, sec: 30, firstNumber: SECOND_FIRST })
    await waitForSegments(broadcast, before + 2)
    expect(await stateOf(broadcast.id)).toBe('live')
    await api('PUT', `/streams/${broadcast.id}/end`)
    const played = await playBroadcast({ url: broadcast.master, signal: AbortSignal.timeout(PATIENCE_MS) })
    const frames = (await played.readFrameNumbers(HEIGHT)).filter((number) => number < SECOND_FIRST)
    expect(frames.length).toBeGreaterThanOrEqual(sent)
    expectConsecutive(frames, frames.length)
  })

  it('with a damaged segment has a recording that failed, with the reason, and plays what is there until it is deleted', async () => {
    const broadcast = await createBroadcast()
    await using encoder = startEncoder({ url: broadcast.url, sec: 8 })
    await waitForSegments(broadcast, 3)
    const path = join(system.dataDir, 'media', 'live', broadcast.id, '1', String(HEIGHT), '1.m4s')
    const bytes = await readFile(path)
    await writeFile(path, bytes.fill(0x55, Math.floor(bytes.length / 2)))
    await encoder.ended
    await api('PUT', `/streams/${broadcast.id}/end`)
    const archive = await waitForArchive(broadcast)
    expect(archive).toMatchObject({
      status: 'failed',
      download_url: null,
      error: expect.stringMatching(/decode|joined/),
      playback_url: `/live/${broadcast.id}/master.m3u8`,
    })
    expect(await readPlaylist(broadcast)).toContain('#EXT-X-ENDLIST')
    const stored = (id: string) => readdir(join(system.dataDir, 'media', 'live', id)).catch(() => null)
    expect(await stored(broadcast.id)).toContain('1')
    await api('DELETE', `/streams/${broadcast.id}`)
    await until(async () => (await stored(broadcast.id)) === null, 'its files are removed')
  })

  it('with a wrong key leaves no row, no file and no process', async () => {
    const { json: before } = await api('GET', '/streams?limit=200')
    const { url } = await createBroadcast()
    await using encoder = startEncoder({ url: `${url}x`, sec: 5 })
    expect((await encoder.ended).code).not.toBe(0)
    const { json: after } = await api('GET', '/streams?limit=200')
    expect(after.streams.length).toBe(before.streams.length + 1)
    expect(after.streams[0].state).toBe('ready')
    expect(findWorkerPids(`live-${after.streams[0].stream_id}`)).toEqual([])
  })
})
