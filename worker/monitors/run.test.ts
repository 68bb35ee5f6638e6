import { readFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'

import type { MonitorEvent } from '../../shared/contract/events.ts'
import { createLog } from '../../shared/log.ts'
import { createClock } from '../platform/clock.ts'
import { createFetcher } from '../platform/http.ts'
import { createLifetime } from '../platform/lifetime.ts'
import { startLocalServer } from '../testing/local-server.ts'
import { makeClip, type Clip } from '../testing/media.ts'
import { CONFIG, tell } from '../testing/story.ts'
import { createProbe } from './probe.ts'
import { watchStream } from './run.ts'
import { createSource } from './source.ts'
import { INITIAL_STATE, type MonitorState, type Observation } from './state.ts'

const SHAPE = { segmentSec: 1, fps: 10, size: '160x90', container: 'ts' } as const
/** The sound has a few frames more than these. */
const SEGMENTS = 4
let picture: Clip
let sound: Clip
beforeAll(async () => {
  picture = await makeClip([{ sec: 4 }], { ...SHAPE, withAudio: false })
  sound = await makeClip([{ sec: 4 }], { ...SHAPE, withVideo: false })
})
afterAll(async () => {
  await picture[Symbol.asyncDispose]()
  await sound[Symbol.asyncDispose]()
})

const MASTER = `#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="sound",NAME="main",DEFAULT=YES,AUTOSELECT=YES,URI="sound.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=800000,RESOLUTION=160x90,CODECS="avc1.42c01e,mp4a.40.2",AUDIO="sound"
picture.m3u8
`

/** What the server says beside the clips' own segments: the end of a playlist, a bare status, or nothing at all. */
type Oddities = Record<string, 'ended' | 'hang' | number>

function serveWith(oddities: Oddities) {
  return startLocalServer(async ({ url = '' }, response) => {
    const oddity = oddities[url]
    if (oddity === 'hang') return
    if (typeof oddity === 'number') response.writeHead(oddity).end()
    else await serve(url, oddity === 'ended', response)
  })
}

async function serve(url: string, isEnded: boolean, response: ServerResponse): Promise<void> {
  const [, side, index] = /^\/(picture|sound)(?:\.m3u8|\/(\d))$/.exec(url) ?? []
  if (side === undefined) return void response.end(MASTER)
  const clip = side === 'picture' ? picture : sound
  if (index !== undefined) return void response.end(await readFile(clip.segments[Number(index)]?.path ?? ''))
  const segments = clip.segments
    .slice(0, SEGMENTS)
    .map(({ durationSec }, number) => `#EXTINF:${durationSec},\n${side}/${number}\n`)
    .join('')
  const end = isEnded ? '#EXT-X-ENDLIST\n' : ''
  response.end(`#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:0\n${segments}${end}`)
}

/** Watches a stream whose picture and sound have playlists of their own. */
async function startWatching(oddities: Oddities) {
  const server = await serveWith(oddities)
  const fetcher = createFetcher({
    policy: { allowPrivateNetworks: true },
    proxies: { http: null, https: null, except: null },
  })
  const lifetime = createLifetime(1000)
  let state: MonitorState = INITIAL_STATE
  const seen: Observation[] = []
  const events: MonitorEvent[] = []
  const observe = (observation: Observation) => {
    const told = tell([observation], { from: state })
    state = told.state
    seen.push(observation)
    events.push(...told.events)
  }
  const ended = watchStream({
    monitor: { state: () => state, observe },
    config: CONFIG,
    clock: createClock(),
    lifetime,
    log: createLog('test', 'error', () => {}),
    intervals: { waitingMs: 30_000, waitingLateMs: 10_000, refreshMs: 30_000 },
    createProbe: () => createProbe({ ffmpegPath: 'ffmpeg', config: CONFIG }),
    source: createSource({
      streamUrl: `${server.origin}/master.m3u8`,
      direct: true,
      fetcher,
      tools: { ytdlpPath: '/nonexistent', streamlinkPath: '/nonexistent', proxy: null },
      timeouts: { manifestMs: 5000, segmentMs: 30_000 },
      segmentMaxBytes: 1_000_000,
    }),
  })
  return {
    seen,
    events,
    ended,
    observe,
    lifetime,
    count: (kind: Observation['kind'], sides: string) =>
      seen.filter((each) => each.kind === kind && 'place' in each && each.place.sides === sides).length,
    async [Symbol.asyncDispose]() {
      lifetime.kill()
      await ended
      await fetcher[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}

const typesOf = (events: readonly MonitorEvent[]) => events.map((event) => event.event_type)

describe.concurrent('picture and sound in playlists of their own', () => {
  test('do not wait for each other, and a segment that hangs is given up after ten seconds', async () => {
    await using watching = await startWatching({ '/picture/1': 'hang' })
    await vi.waitUntil(() => watching.count('segment', 'sound') === SEGMENTS, { timeout: 8000 })
    expect(watching.count('segment_failed', 'picture')).toBe(0)
    await vi.waitUntil(() => watching.count('segment', 'picture') === SEGMENTS - 1, { timeout: 15_000 })

    expect(watching.seen.find((each) => each.kind === 'segment_failed')).toMatchObject({
      error: 'no complete answer within 10 s',
    })
  })

  test('are over together, though one playlist is gone by then', async () => {
    const oddities: Oddities = {}
    await using watching = await startWatching(oddities)
    await vi.waitUntil(() => watching.count('segment', 'picture') === SEGMENTS, { timeout: 8000 })
    Object.assign(oddities, { '/picture.m3u8': 'ended', '/sound.m3u8': 404 })
    await watching.ended

    expect(typesOf(watching.events)).toEqual(['stream.started', 'stream.ended'])
  })

  test('are over together, though one playlist lacks its end', async () => {
    await using watching = await startWatching({ '/sound.m3u8': 'ended' })
    await watching.ended

    expect(typesOf(watching.events)).toEqual(['stream.started', 'stream.ended'])
    expect(watching.count('segment', 'picture')).toBe(SEGMENTS)
    expect(watching.count('segment', 'sound')).toBe(SEGMENTS)
  })

  test.each(['stop', 'end'])('are let go of at once on a %s, though a segment hangs', async (how) => {
    await using watching = await startWatching({ '/picture/1': 'hang' })
    await vi.waitUntil(() => watching.count('segment', 'picture') === 1, { timeout: 8000 })
    const atMs = performance.now()
    if (how === 'stop') watching.lifetime.stop()
    else watching.observe({ kind: 'stream_over', atMs: Date.now() })
    await watching.ended

    expect(performance.now() - atMs).toBeLessThan(2000)
  })
})
