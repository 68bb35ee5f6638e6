import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { describe, expect, onTestFinished, test } from 'vitest'

import type { StreamForm } from '../../shared/net/stream-url.ts'
import { createFetcher } from '../platform/http.ts'
import { startLocalServer } from '../../shared/testing/local-server.ts'
import { type BroadcastState, REFUSALS, startBroadcastSite } from '../testing/broadcast-site.ts'
import type { StreamClient } from './monitor-context.ts'
import { createStreamClient } from './stream-client.ts'
import type { SegmentFetch, StreamSegment } from './stream.ts'

const LIVE = '#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:3\n#EXTINF:2,\na.ts\n'
const MASTER = `#EXTM3U
#EXT-X-STREAM-INF:BANDWIDTH=900000,RESOLUTION=1280x720
high/index.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=300000,RESOLUTION=426x240
low/index.m3u8
`
const signal = new AbortController().signal

type Answers = Readonly<Record<string, string | number>>

/** Serves these answers by path, a text or a bare status, and records the requested paths. */
async function startServer(answers: Answers, otherwise?: (response: ServerResponse) => void) {
  const requested: string[] = []
  const server = await startLocalServer(async (request, response) => {
    const path = request.url ?? ''
    requested.push(path)
    const answer = answers[path]
    if (answer === undefined && otherwise !== undefined) otherwise(response)
    else if (typeof answer === 'string') response.writeHead(200).end(answer)
    else response.writeHead(answer ?? 404).end()
  })
  return { origin: server.origin, requested, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() }
}

const NO_PROXIES = { http: null, https: null, bypass: null }
const OPTIONS = {
  streamUrl: 'http://127.0.0.1/',
  form: 'manifest' as StreamForm,
  tools: { ytdlpPath: '/nonexistent', streamlinkPath: '/nonexistent', proxy: null },
  timeouts: { manifestMs: 5000, segmentMs: 5000 },
  segmentMaxBytes: 1000,
}

/** Creates a client of a direct stream that lives until the end of the test. */
function createDirectClient(streamUrl = OPTIONS.streamUrl): StreamClient {
  const fetcher = createFetcher({ policy: { allowPrivateNetworks: true }, proxies: NO_PROXIES })
  onTestFinished(() => fetcher[Symbol.asyncDispose]())
  return createStreamClient({ ...OPTIONS, streamUrl, fetcher })
}

async function resolveAt(answers: Answers, path: string) {
  await using server = await startServer(answers)
  const { origin } = server
  const resolution = await createDirectClient(origin + path).resolve(signal)
  return JSON.parse(JSON.stringify(resolution).replaceAll(origin, 'http://origin'))
}

describe('a stream whose URL is that of a playlist', () => {
  test('is live with itself as the rendition', async () => {
    expect(await resolveAt({ '/index.m3u8': LIVE }, '/index.m3u8')).toEqual({
      kind: 'live',
      source: {
        renditions: [{ url: 'http://origin/index.m3u8', tracks: 'both' }],
        title: null,
        by: 'direct',
        expiresAtMs: null,
      },
    })
  })

  test('is live with the lowest variant of a master playlist', async () => {
    expect(await resolveAt({ '/m.m3u8': MASTER, '/low/index.m3u8': LIVE }, '/m.m3u8')).toMatchObject({
      kind: 'live',
      source: { renditions: [{ url: 'http://origin/low/index.m3u8', tracks: 'both' }] },
    })
  })

  test('has ended where its first playlist has EXT-X-ENDLIST, behind a master playlist too', async () => {
    const ended = { kind: 'ended', reason: 'endlist_detected' }
    expect(await resolveAt({ '/i.m3u8': `${LIVE}#EXT-X-ENDLIST\n` }, '/i.m3u8')).toMatchObject(ended)
    const archive = { '/m.m3u8': MASTER, '/low/index.m3u8': `${LIVE}#EXT-X-ENDLIST\n` }
    const source = { renditions: [{ url: 'http://origin/low/index.m3u8' }] }
    expect(await resolveAt(archive, '/m.m3u8')).toMatchObject({ ...ended, source })
  })

  test('is upcoming where its playlist is missing or empty', async () => {
    const upcoming = (problem: string) => ({ kind: 'upcoming', releaseAtMs: null, title: null, problem })
    expect(await resolveAt({}, '/index.m3u8')).toEqual(upcoming('HTTP 404'))
    expect(await resolveAt({ '/index.m3u8': 403 }, '/index.m3u8')).toEqual(upcoming('HTTP 403'))
    expect(await resolveAt({ '/index.m3u8': 410 }, '/index.m3u8')).toEqual(upcoming('HTTP 410'))
    expect(await resolveAt({ '/m.m3u8': MASTER }, '/m.m3u8')).toEqual(upcoming('HTTP 404'))
    const empty = '#EXTM3U\n#EXT-X-TARGETDURATION:2\n'
    expect(await resolveAt({ '/index.m3u8': empty }, '/index.m3u8')).toEqual(upcoming('the playlist has no segment'))
  })

  test('is live with the next best variant where the playlist of the best cannot be fetched', async () => {
    const high = [{ url: 'http://origin/high/index.m3u8', tracks: 'both' }]
    const low = [{ url: 'http://origin/low/index.m3u8', tracks: 'both' }]
    expect(await resolveAt({ '/m.m3u8': MASTER, '/high/index.m3u8': LIVE }, '/m.m3u8')).toMatchObject({
      kind: 'live',
      source: { renditions: high, choices: [low, high], problem: expect.stringContaining('HTTP 404') },
    })
  })

  test('is a transient failure with the reason for any other answer', async () => {
    const passing = (problem: string) => ({ kind: 'passing', message: `playlist: ${problem}`, problem })
    expect(await resolveAt({ '/i.m3u8': 503 }, '/i.m3u8')).toEqual(passing('HTTP 503'))
    const html = 'the answer is HTML or XML, not a playlist'
    expect(await resolveAt({ '/i.m3u8': '<html>' }, '/i.m3u8')).toEqual(passing(html))
    const nested = { '/m.m3u8': MASTER, '/low/index.m3u8': MASTER }
    expect(await resolveAt(nested, '/m.m3u8')).toMatchObject({ message: expect.stringContaining('within a master') })
  })
})

describe('a rendition', () => {
  test('has a playlist whose references resolve against its URL after redirects', async () => {
    await using server = await startServer({ '/cdn/x/index.m3u8': LIVE }, (response) => {
      response.writeHead(302, { location: '/cdn/x/index.m3u8' }).end()
    })
    const { origin } = server
    const rendition = { url: `${origin}/index.m3u8`, tracks: 'both' } as const
    expect(await createDirectClient().fetchPlaylist(rendition, signal)).toMatchObject({
      kind: 'ok',
      bytes: LIVE.length,
      playlist: { segments: [{ sequence: 3, url: `${origin}/cdn/x/a.ts` }] },
    })
  })

  test('that answers with a master playlist or an error has failed', async () => {
    await using server = await startServer({ '/m.m3u8': MASTER, '/gone.m3u8': 404 })
    const { origin } = server
    const fetch = (path: string) => createDirectClient().fetchPlaylist({ url: origin + path, tracks: 'both' }, signal)
    expect(await fetch('/m.m3u8')).toMatchObject({ kind: 'failed', failure: { status: null } })
    expect(await fetch('/gone.m3u8')).toEqual({ kind: 'failed', failure: { message: 'HTTP 404', status: 404 } })
  })
})

const segment = (url: string, changed: Partial<StreamSegment> = {}): StreamSegment => ({
  sequence: 1,
  url,
  durationSec: 2,
  programDateTimeMs: null,
  discontinuity: false,
  byteRange: null,
  map: null,
  encryption: null,
  ...changed,
})
const words = (fetched: SegmentFetch) =>
  fetched.kind === 'failed'
    ? fetched.failure.message
    : [fetched.map, fetched.bytes].map((bytes) => (bytes === null ? null : Buffer.from(bytes).toString()))

describe('a segment', () => {
  test('comes with its initialization section, which is fetched once while in use', async () => {
    await using server = await startServer({ '/v.mp4': 'init-v', '/a.mp4': 'init-a', '/1': 'one', '/2': 'two' })
    const { origin, requested } = server
    const { fetchSegment: fetch } = createDirectClient()
    const picture = { url: `${origin}/v.mp4`, byteRange: null }
    const sound = { url: `${origin}/a.mp4`, byteRange: { offset: 5, length: 1 } }
    expect(words(await fetch(segment(`${origin}/1`, { map: picture }), signal))).toEqual(['init-v', 'one'])
    expect(words(await fetch(segment(`${origin}/2`, { map: sound }), signal))).toEqual(['a', 'two'])
    expect(words(await fetch(segment(`${origin}/2`, { map: picture }), signal))).toEqual(['init-v', 'two'])
    expect(words(await fetch(segment(`${origin}/1`), signal))).toEqual([null, 'one'])
    expect(requested).toEqual(['/v.mp4', '/1', '/a.mp4', '/2', '/2', '/1'])
  })

  test('that is too large is truncated', async () => {
    await using server = await startServer({ '/huge': 'x'.repeat(2000) })
    const cut = await createDirectClient().fetchSegment(segment(`${server.origin}/huge`), signal)
    expect(cut).toMatchObject({ kind: 'ok', isTruncated: true, bytes: { length: 1000 } })
  })

  test('has failed if it, or its initialization section, is missing or encrypted; a later attempt may succeed', async () => {
    let isThere = false
    await using server = await startServer({ '/1': 'one', '/gone': 404 }, (response) => {
      if (isThere) response.writeHead(200).end('init')
      else response.writeHead(503).end()
    })
    const { origin } = server
    const { fetchSegment: fetch } = createDirectClient()
    expect(words(await fetch(segment(`${origin}/gone`), signal))).toBe('HTTP 404')
    const withInit = segment(`${origin}/1`, { map: { url: `${origin}/init`, byteRange: null } })
    expect(words(await fetch(withInit, signal))).toBe('init segment: HTTP 503')
    isThere = true
    expect(words(await fetch(withInit, signal))).toEqual(['init', 'one'])
  })
})

/** Opens a page of the test site, with a client that resolves it with the real yt-dlp. */
async function openPage({ allowPrivateNetworks = true, ytdlpPath = '', streamlinkPath = '/nonexistent' } = {}) {
  const site = await startBroadcastSite()
  const fetcher = createFetcher({ policy: { allowPrivateNetworks }, proxies: NO_PROXIES })
  const tools = { ytdlpPath: ytdlpPath || site.ytdlpPath, streamlinkPath, proxy: null }
  return {
    set: (state: BroadcastState) => site.set('x', state),
    resolve: (url = site.url('x'), until = signal) =>
      createStreamClient({ ...OPTIONS, fetcher, form: 'page', streamUrl: url, tools }).resolve(until),
    async [Symbol.asyncDispose]() {
      await fetcher[Symbol.asyncDispose]()
      await site[Symbol.asyncDispose]()
    },
  }
}

/** Writes shell scripts to a new folder. */
async function makePrograms(scripts: Readonly<Record<string, string>>) {
  const dir = await mkdtemp(join(tmpdir(), 'programs-'))
  for (const [name, script] of Object.entries(scripts)) {
    await writeFile(join(dir, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  }
  return {
    path: (name: string) => join(dir, name),
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }),
  }
}

describe.concurrent('a page', () => {
  test('is resolved by the real yt-dlp from upcoming to live to ended', async () => {
    await using page = await openPage()
    await using server = await startServer({ '/m.m3u8': MASTER, '/low/index.m3u8': LIVE })
    page.set({ live_status: 'is_upcoming', title: 'News', release_timestamp: 1_893_456_000 })
    expect(await page.resolve()).toEqual({ kind: 'upcoming', releaseAtMs: 1_893_456_000_000, title: 'News' })
    page.set({ live_status: 'is_live', title: 'News', manifest_url: `${server.origin}/m.m3u8` })
    expect(await page.resolve()).toEqual({
      kind: 'live',
      source: {
        renditions: [{ url: `${server.origin}/low/index.m3u8`, tracks: 'both' }],
        choices: [
          [{ url: `${server.origin}/low/index.m3u8`, tracks: 'both' }],
          [{ url: `${server.origin}/high/index.m3u8`, tracks: 'both' }],
        ],
        title: 'News',
        by: 'yt-dlp',
        expiresAtMs: null,
      },
    })
    page.set({ live_status: 'was_live', title: 'News' })
    expect(await page.resolve()).toEqual({ kind: 'ended', reason: 'was_live' })
  })

  test.each([
    [REFUSALS.private, { kind: 'gone', reason: 'private' }],
    [REFUSALS.removed, { kind: 'gone', reason: 'removed' }],
    [REFUSALS.botCheck, { kind: 'blocked', cause: 'bot_check' }],
  ])('that refuses with "%s" is classified through the real yt-dlp', async (error, expected) => {
    await using page = await openPage()
    page.set({ error })
    expect(await page.resolve()).toMatchObject(expected)
  })

  test('is resolved by the real streamlink where yt-dlp is missing', async () => {
    await using page = await openPage({ ytdlpPath: '/nonexistent', streamlinkPath: 'streamlink' })
    await using server = await startServer({ '/live/m.m3u8': MASTER, '/live/low/index.m3u8': LIVE })
    const renditions = [{ url: `${server.origin}/live/low/index.m3u8` }]
    expect(await page.resolve(`${server.origin}/live/m.m3u8`)).toMatchObject({
      kind: 'live',
      source: { renditions, by: 'streamlink' },
    })
  })

  test('that blocks yt-dlp is not requested by streamlink too, unless yt-dlp itself is at fault', async () => {
    await using programs = await makePrograms({
      captcha: 'echo "ERROR: solve the captcha" >&2; exit 1',
      token: 'echo "ERROR: needs a PO Token" >&2; exit 1',
      streamlink: `echo '{"streams":{"240p":{"type":"hls","url":"http://127.0.0.1:9/m.m3u8"}}}'`,
    })
    const resolveWith = async (ytdlp: string) => {
      await using page = await openPage({
        ytdlpPath: programs.path(ytdlp),
        streamlinkPath: programs.path('streamlink'),
      })
      return await page.resolve()
    }
    expect(await resolveWith('captcha')).toMatchObject({ kind: 'blocked', cause: 'captcha' })
    expect(await resolveWith('token')).toMatchObject({ kind: 'live', source: { by: 'streamlink' } })
  })

  test('is blocked where neither program is installed', async () => {
    await using page = await openPage({ ytdlpPath: '/nonexistent' })
    expect(await page.resolve()).toMatchObject({ kind: 'blocked', cause: 'resolver_missing' })
  })

  test('on a private address cannot be reached by yt-dlp where private networks are forbidden', async () => {
    await using page = await openPage({ allowPrivateNetworks: false })
    page.set({ live_status: 'was_live', title: 'News' })
    expect(await page.resolve()).toMatchObject({ kind: 'passing', problem: expect.stringContaining('403') })
  })

  test('is given up when the signal aborts', async () => {
    await using page = await openPage()
    expect(await page.resolve(undefined, AbortSignal.abort())).toEqual({ kind: 'passing', message: 'aborted' })
  })
})
