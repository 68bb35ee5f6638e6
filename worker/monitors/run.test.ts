import { readFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'

import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'

import type { MonitorConfig, MonitorEvent } from '../../shared/contract/monitors.ts'
import { createLog } from '../../shared/log.ts'
import { createClock } from '../platform/clock.ts'
import { createFetcher } from '../platform/http.ts'
import { createLifetime } from '../platform/lifetime.ts'
import { startLocalServer } from '../../shared/testing/local-server.ts'
import { makeClip, type Clip } from '../../shared/testing/clips.ts'
import { PATIENCE_MS, WAIT } from '../../shared/testing/until.ts'
import { CONFIG, replay } from '../testing/monitor-scenario.ts'
import { createSegmentProbe } from './analyze/analyze-segment.ts'
import { watchStream } from './run.ts'
import { createStreamClient } from './stream-client.ts'
import { INITIAL_STATE, type MonitorState } from './state/monitor-state.ts'
import type { MonitorObservation } from './state/observation.ts'

const SHAPE = { segmentSec: 1, fps: 10, size: '160x90', container: 'ts' } as const
/** The sound has a few frames more than these. */
const SEGMENTS = 4
let picture: Clip
let sound: Clip
let both: Clip
beforeAll(async () => {
  both = await makeClip([{ sec: 4 }], SHAPE)
  picture = await makeClip([{ sec: 4 }], { ...SHAPE, withAudio: false })
  sound = await makeClip([{ sec: 4 }], { ...SHAPE, withVideo: false })
})
afterAll(async () => {
  await both[Symbol.asyncDispose]()
  await picture[Symbol.asyncDispose]()
  await sound[Symbol.asyncDispose]()
})

const MASTER = `#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="sound",NAME="main",DEFAULT=YES,AUTOSELECT=YES,URI="sound.m3u8"
#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="captions",NAME="main",URI="captions.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=800000,RESOLUTION=160x90,CODECS="avc1.42c01e,mp4a.40.2",AUDIO="sound",SUBTITLES="captions"
picture.m3u8
`

/**
 * What the server says beside the clips' own segments. `ended`: a playlist with its end. `ending`: one that has it from
 * the second fetch on. `twice`, `once`: one that is gone after as many fetches; the first is the resolver's. `long`: one
 * whose second segment lasts an hour, so that the worker waits for it. A number: a bare status. `hang`: nothing at all.
 */
type Oddities = Record<string, 'ended' | 'ending' | 'twice' | 'once' | 'long' | 'hang' | number>

/** Serves the clips. `master` makes the answer to any other URL. */
function serveWith(oddities: Oddities, master: () => string) {
  return startLocalServer(async ({ url = '' }, response) => {
    const oddity = oddities[url]
    if (oddity === 'hang') return
    if (typeof oddity === 'number') response.writeHead(oddity).end()
    else await serve(url, oddity, { master, response })
    if (oddity === 'ending') oddities[url] = 'ended'
    if (oddity === 'twice') oddities[url] = 'once'
    if (oddity === 'once') oddities[url] = 404
  })
}

async function serve(
  url: string,
  oddity: Oddities[string] | undefined,
  { master, response }: { readonly master: () => string; readonly response: ServerResponse },
): Promise<void> {
  const [, side = '', index] = /^\/(picture|sound|both|captions)(?:\.m3u8(?:\?.*)?|\/(\d))$/.exec(url) ?? []
  const clip = { picture, sound, both, captions: sound }[side]
  if (clip === undefined) return void response.end(master())
  if (index !== undefined) return void response.end(await readFile(clip.segments[Number(index)]?.path ?? ''))
  const segments = clip.segments
    // Of long ones no more than what a worker begins with.
    .slice(0, oddity === 'long' ? 3 : SEGMENTS)
    .map(
      ({ durationSec }, number) =>
        `#EXTINF:${oddity === 'long' && number === 1 ? 3600 : durationSec},\n${side}/${number}\n`,
    )
    .join('')
  const end = oddity === 'ended' ? '#EXT-X-ENDLIST\n' : ''
  response.end(`#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:0\n${segments}${end}`)
}

/** Watches a stream whose picture and sound have playlists of their own, unless its master playlist says otherwise. */
async function startWatching(oddities: Oddities, changed: Partial<MonitorConfig> = {}, master = () => MASTER) {
  const server = await serveWith(oddities, master)
  const fetcher = createFetcher({
    policy: { allowPrivateNetworks: true },
    proxies: { http: null, https: null, bypass: null },
  })
  const lifetime = createLifetime(10 * PATIENCE_MS)
  const config = { ...CONFIG, ...changed }
  let state: MonitorState = INITIAL_STATE
  const seen: MonitorObservation[] = []
  const events: MonitorEvent[] = []
  const observe = (observation: MonitorObservation) => {
    const told = replay([observation], { from: state, config })
    state = told.state
    seen.push(observation)
    events.push(...told.events)
  }
  const ended = watchStream({
    monitor: { state: () => state, observe },
    config,
    clock: createClock(),
    lifetime,
    log: createLog('test', 'error', () => {}),
    intervals: { waitingMs: 30_000, waitingLateMs: 10_000, refreshMs: 30_000 },
    createProbe: () => createSegmentProbe({ ffmpegPath: 'ffmpeg', config }),
    client: createStreamClient({
      streamUrl: `${server.origin}/master.m3u8`,
      form: 'manifest',
      fetcher,
      tools: { ytdlpPath: '/nonexistent', streamlinkPath: '/nonexistent', proxy: null },
      timeouts: { manifestMs: PATIENCE_MS, segmentMs: 10 * PATIENCE_MS },
      segmentMaxBytes: 1_000_000,
    }),
  })
  return {
    seen,
    events,
    ended,
    observe,
    lifetime,
    count: (kind: MonitorObservation['kind'], sides: string) =>
      seen.filter((each) => each.kind === kind && 'progress' in each && each.progress.tracks === sides).length,
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
  test('do not wait for each other', async () => {
    await using watching = await startWatching({ '/picture.m3u8': 'long', '/picture/1': 'hang' })
    await vi.waitUntil(() => watching.count('segment', 'sound') === SEGMENTS, WAIT)

    expect(watching.count('segment', 'picture')).toBe(1)
    expect(watching.count('segment_failed', 'picture')).toBe(0)
  })

  test('are gone on with after ten seconds where a segment hangs', async () => {
    await using watching = await startWatching({ '/picture/1': 'hang' })
    await vi.waitUntil(() => watching.count('segment', 'picture') === SEGMENTS - 1, WAIT)

    expect(watching.seen.find((each) => each.kind === 'segment_failed')).toMatchObject({
      error: 'no complete answer within 10 s',
    })
  })

  test('start without their sound, and its failures are reported', async () => {
    await using watching = await startWatching({ '/sound.m3u8': 404 })
    const isTold = () => watching.seen.some((each) => each.kind === 'playlist_failed' && each.tracks === 'sound')
    await vi.waitUntil(() => isTold() && watching.count('segment', 'picture') === SEGMENTS, WAIT)

    expect(typesOf(watching.events)).toEqual(['stream.started'])
  })

  test('are watched beside captions, which are missing while their playlist is gone', async () => {
    const oddities: Oddities = { '/captions.m3u8': 404 }
    await using watching = await startWatching(oddities, { track_threshold_sec: 1 })
    await vi.waitUntil(() => typesOf(watching.events).includes('alert.track_missing'), WAIT)
    delete oddities['/captions.m3u8']
    await vi.waitUntil(() => typesOf(watching.events).includes('alert.track_missing_recovered'), WAIT)

    expect(typesOf(watching.events)).toEqual(['stream.started', 'alert.track_missing', 'alert.track_missing_recovered'])
  })

  test('are over together, though one playlist is gone by then', async () => {
    await using watching = await startWatching({ '/picture.m3u8': 'ending', '/sound.m3u8': 'twice' })
    await watching.ended

    expect(typesOf(watching.events)).toEqual(['stream.started', 'stream.ended'])
    expect(watching.count('segment', 'picture')).toBe(SEGMENTS)
    expect(watching.count('segment', 'sound')).toBe(SEGMENTS)
  })

  test('are over together, though one playlist lacks its end', async () => {
    await using watching = await startWatching({ '/sound.m3u8': 'ended' })
    await watching.ended

    expect(typesOf(watching.events)).toEqual(['stream.started', 'stream.ended'])
    expect(watching.count('segment', 'picture')).toBe(SEGMENTS)
    expect(watching.count('segment', 'sound')).toBe(SEGMENTS)
  })

  test.each(['stop', 'end'])('are let go of at once on a %s, though a segment hangs', async (how) => {
    await using watching = await startWatching({ '/picture.m3u8': 'long', '/picture/1': 'hang' })
    await vi.waitUntil(() => watching.count('segment', 'picture') === 1, WAIT)
    if (how === 'stop') watching.lifetime.stop()
    else watching.observe({ kind: 'stream_over', atMs: Date.now() })
    await watching.ended

    expect(watching.count('segment_failed', 'picture')).toBe(0)
  })
})

describe.concurrent('a master playlist that does not say which tracks its variants have', () => {
  const variants = (...urls: readonly string[]) =>
    ['#EXTM3U', ...urls.flatMap((url, index) => [`#EXT-X-STREAM-INF:BANDWIDTH=${64_000 * 10 ** index}`, url]), ''].join(
      '\n',
    )
  const findingsOf = (seen: readonly MonitorObservation[]) =>
    seen.flatMap((each) =>
      each.kind === 'segment' ? `${each.findings.picture?.kind} ${each.findings.sound?.kind}` : [],
    )

  test('is watched by the lowest variant with picture and sound, though a lower one has sound alone', async () => {
    await using watching = await startWatching({}, {}, () => variants('sound.m3u8', 'both.m3u8', 'picture.m3u8'))
    await vi.waitUntil(() => watching.count('segment', 'both') === SEGMENTS, WAIT)

    expect(new Set(findingsOf(watching.seen))).toEqual(new Set(['present present']))
    expect(typesOf(watching.events)).toEqual(['stream.started'])
  })

  test('is watched without the track that no variant has', async () => {
    const master = variants('picture.m3u8', 'picture.m3u8?high')
    await using watching = await startWatching({}, {}, () => master)
    await vi.waitUntil(() => watching.count('segment', 'both') === SEGMENTS, WAIT)

    expect(new Set(findingsOf(watching.seen))).toEqual(new Set(['present absent']))
    expect(watching.seen.filter(({ kind }) => kind === 'renditions')).toEqual([])
  })
})

test('a DASH stream whose first period has no sound is watched with the sound of the next', async () => {
  const set = (kind: string) =>
    `<AdaptationSet mimeType="${kind === 'picture' ? 'video' : 'audio'}/mp4"><SegmentTemplate media="/${kind}/$Number$" startNumber="0" duration="1"/><Representation id="${kind}"/></AdaptationSet>`
  const periods = `<Period duration="PT3S">${set('picture')}</Period><Period>${set('picture')}${set('sound')}</Period>`
  let start: string | null = null
  await using watching = await startWatching({}, {}, () => {
    start ??= new Date(Date.now() - 1500).toISOString()
    return `<MPD type="dynamic" availabilityStartTime="${start}" mediaPresentationDuration="PT6S">${periods}</MPD>`
  })
  await watching.ended

  const watched = watching.seen.flatMap((each) =>
    each.kind === 'segment' ? [`${each.progress.tracks} ${each.segment.sequence} ${each.findings.sound?.kind}`] : [],
  )
  const isSound = (each: string) => each.startsWith('sound')
  expect(watched.filter((each) => !isSound(each))).toEqual([
    ...[0, 1, 2].map((number) => `both ${number} absent`),
    ...[3, 4, 5].map((number) => `picture ${number} undefined`),
  ])
  expect(watched.filter(isSound)).toEqual([0, 1, 2].map((number) => `sound ${number} present`))
})
