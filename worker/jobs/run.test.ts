import { execFileSync } from 'node:child_process'
import { createReadStream, existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import * as v from 'valibot'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'

import type { JobOrder } from '../../shared/contract/jobs.ts'
import type { Preset } from '../../shared/contract/presets.ts'
import { createLog } from '../../shared/log.ts'
import { createFetcher } from '../platform/http.ts'
import { encodeOrder, QUICK_PRESET } from '../testing/job-gateway.ts'
import { startLocalServer, type LocalServer } from '../testing/local-server.ts'
import { encodeEnv } from '../testing/worker-process.ts'
import type { Done } from './bench.ts'
import { JobEnvironment } from './environment.ts'
import type { Unfinished } from './failure.ts'
import { clearParts } from './publish.ts'
import { runOrder } from './run.ts'
import type { Observation } from './state.ts'

const SEC = 4
let media: string
let server: LocalServer

beforeAll(async () => {
  media = await mkdtemp(join(tmpdir(), 'tallylight-run-'))
  const picture = ['-f', 'lavfi', '-i', `testsrc2=s=160x90:r=25:d=${SEC}`]
  const sound = ['-f', 'lavfi', '-i', `sine=frequency=440:duration=${SEC}`]
  const encoding = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '25', '-pix_fmt', 'yuv420p', '-c:a', 'aac']
  execFileSync('ffmpeg', ['-nostdin', '-v', 'error', ...picture, ...sound, ...encoding, join(media, 'clip.mp4')])
  await writeFile(join(media, 'page.html'), '<!doctype html><title>no film</title>')
  const entries = ['#EXTM3U', '#EXT-X-TARGETDURATION:9', '#EXTINF:9,', 'file:///etc/passwd', '#EXT-X-ENDLIST', '']
  await writeFile(join(media, 'list.m3u8'), entries.join('\n'))
  await writeFile(join(media, 'concat.txt'), "ffconcat version 1.0\nfile '/etc/passwd'\n")
  server = await startLocalServer((request, response) => serve(request.url ?? '/', response))
})

afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await rm(media, { recursive: true })
})

async function serve(url: string, response: ServerResponse): Promise<void> {
  if (url.startsWith('/to?')) return void response.writeHead(302, { location: decodeURIComponent(url.slice(4)) }).end()
  const path = join(media, url)
  if (!existsSync(path)) return void response.writeHead(404).end()
  response.writeHead(200, { 'content-length': (await stat(path)).size })
  createReadStream(path).pipe(response)
}

type Bench = {
  readonly seen: readonly Observation[]
  run(order: JobOrder): Promise<Done | Unfinished>
  stop(): void
  /** What lies in the store. */
  stored(): Promise<readonly string[]>
  /** Puts something there. */
  put(key: string, content: string): Promise<void>
}

type BenchOptions = {
  readonly env?: NodeJS.ProcessEnv
  readonly allowPrivateNetworks?: boolean
  readonly proxy?: string
}

/** Does orders in this process, each in a folder of its own, with one local store. */
async function bench({ env = {}, allowPrivateNetworks = true, proxy }: BenchOptions = {}): Promise<Bench> {
  const dir = await mkdtemp(join(tmpdir(), 'tallylight-run-'))
  const proxies = { http: proxy ?? null, https: null, except: null }
  const fetcher = createFetcher({ policy: { allowPrivateNetworks }, proxies })
  onTestFinished(async () => {
    await fetcher[Symbol.asyncDispose]()
    await rm(dir, { recursive: true, force: true })
  })
  const stopped = new AbortController()
  const seen: Observation[] = []
  let orders = 0
  return {
    seen,
    run: async (order) => {
      const own = join(dir, `order-${++orders}`)
      await mkdir(own)
      const environment = v.parse(JobEnvironment, encodeEnv('http://127.0.0.1:9', dir, env))
      const log = createLog('test', 'error', () => {})
      const result = await runOrder(order, {
        environment,
        fetcher,
        dir: own,
        tell: (one) => seen.push(one),
        heard: async () => {},
        isFirstAttempt: true,
        isStillOurs: () => true,
        log,
        signal: stopped.signal,
      })
      // As a worker does once the gateway knows.
      if (order.task === 'encode' && result.kind === 'done' && result.output !== null)
        await clearParts(order, { environment, log })
      return result
    },
    stop: () => stopped.abort(),
    stored: async () => {
      const entries = await readdir(join(dir, 'store'), { recursive: true, withFileTypes: true }).catch(() => [])
      return entries.filter((entry) => entry.isFile()).map(({ name }) => name)
    },
    put: async (key, content) => {
      await mkdir(dirname(join(dir, 'store', key)), { recursive: true })
      await writeFile(join(dir, 'store', key), content)
    },
  }
}

describe('a whole job', () => {
  test('is fetched, encoded, checked and stored, with its thumbnails beside it, after what others have left there is removed', async () => {
    const { run, seen, stored, put } = await bench()
    const [broken, earlier] = ['.tallylight/broken/', '.tallylight/earlier/']
    const leftovers = [broken, earlier]
    await put(`${broken}files.json`, 'no list')
    await put(`${earlier}files.json`, JSON.stringify({ keys: ['shows/one.mp4', 'shows/one.sprite_7.jpg'] }))
    for (const key of [`${earlier}chunk_0.mkv`, 'shows/one.mp4', 'shows/one.sprite_7.jpg']) await put(key, '')
    const done = await run(encodeOrder(`${server.origin}/clip.mp4`, { thumbnails: true, leftovers }))

    const output = { output_url: 'http://127.0.0.1:9/media/shows/one.mp4', output_type: 'single', files_uploaded: 4 }
    expect(done).toMatchObject({ kind: 'done', output, plan: null })
    const files = ['one.mp4', 'one.poster.jpg', 'one.sprite_0.jpg', 'one.thumbnails.vtt']
    expect((await stored()).toSorted()).toEqual(['files.json', ...files])
    const phases = seen.flatMap((one) => (one.kind === 'phase' ? [one.phase] : [one.kind]))
    const story = ['fetch', 'probed', 'encode', 'storing', 'finish', 'validate', 'validated', 'store']
    expect([...new Set(phases)]).toEqual(story)
  })

  test.each([
    ['hls', 'master.m3u8'],
    ['dash', 'manifest.mpd'],
  ] as const)('that is one set for HLS and DASH is told of by what was asked for: %s', async (type, entry) => {
    const { run } = await bench()
    const preset: Preset = { ...QUICK_PRESET, container: 'cmaf', segment_sec: 2 }
    const output = { storage: 'local', path: 'shows/set/', type } as const
    const done = await run(encodeOrder(`${server.origin}/clip.mp4`, { preset, output, thumbnails: true }))
    expect(done).toMatchObject({
      output: { output_type: type, output_url: `http://127.0.0.1:9/media/shows/set/${entry}` },
    })
  })

  test.each([
    ['is not there', '/nothing.mp4', 'INPUT_UNREACHABLE'],
    ['is a page', '/page.html', 'INPUT_INVALID'],
    ['is a playlist that names a file', '/list.m3u8', 'INPUT_INVALID'],
    ['is a script that names a file', '/concat.txt', 'INPUT_INVALID'],
  ])('whose input %s fails at once', async (_what, path, code) => {
    const { run, stored } = await bench()
    const failure = { code, is_transient: false }
    expect(await run(encodeOrder(server.origin + path))).toMatchObject({ kind: 'failed', failure })
    expect(await stored()).toEqual([])
  })

  test('whose input is larger than it may be fails at once', async () => {
    const { run } = await bench({ env: { INPUT_MAX_BYTES: '1000', ALLOW_FILE_INPUT: 'true' } })
    for (const base of [server.origin, `file://${media}`]) {
      const failure = { code: 'INPUT_TOO_LARGE', is_transient: false }
      expect(await run(encodeOrder(`${base}/clip.mp4`))).toMatchObject({ kind: 'failed', failure })
    }
  })

  test.each(['mp4', 'mkv'])('whose input is cut short is told so, unless what is wanted is there: %s', async (type) => {
    const path = join(media, `cut.${type}`)
    const movie = type === 'mp4' ? ['-movflags', '+faststart'] : []
    execFileSync('ffmpeg', ['-nostdin', '-v', 'error', '-i', join(media, 'clip.mp4'), '-c', 'copy', ...movie, path])
    await truncate(path, Math.round((await stat(path)).size * 0.45))
    const { run } = await bench()
    const url = `${server.origin}/cut.${type}`
    const message = expect.stringMatching(
      /^the input is cut short: it says that it lasts 4\.0 s, and ends after 1\.\d s$/,
    )
    expect(await run(encodeOrder(url))).toMatchObject({ failure: { code: 'INPUT_INVALID', message } })
    expect(await run(encodeOrder(url, { clip: { start_sec: 3.5, duration_sec: 0.5 } }))).toMatchObject({
      failure: { message },
    })
    expect(await run(encodeOrder(url, { clip: { start_sec: 0, duration_sec: 1 } }))).toMatchObject({ kind: 'done' })
  })

  test('whose clip begins behind the input’s end fails at once', async () => {
    const { run } = await bench()
    const order = encodeOrder(`${server.origin}/clip.mp4`, { clip: { start_sec: 9, duration_sec: 1 } })
    expect(await run(order)).toMatchObject({ failure: { code: 'INPUT_INVALID', is_transient: false } })
  })

  test('may go better another time where ffprobe or ffmpeg cannot be started', async () => {
    for (const env of [{ FFPROBE_PATH: '/nowhere/ffprobe' }, { FFMPEG_PATH: '/nowhere/ffmpeg' }]) {
      const { run } = await bench({ env })
      expect(await run(encodeOrder(`${server.origin}/clip.mp4`))).toMatchObject({ failure: { is_transient: true } })
    }
  })
})

describe('a file of this machine', () => {
  test('is not read where that is not allowed', async () => {
    const { run } = await bench()
    const failure = { code: 'FORBIDDEN_URL', is_transient: false }
    expect(await run(encodeOrder(`file://${media}/clip.mp4`))).toMatchObject({ kind: 'failed', failure })
  })

  test('is read in place where that is allowed, and is not changed', async () => {
    const before = await stat(join(media, 'clip.mp4'))
    const { run } = await bench({ env: { ALLOW_FILE_INPUT: 'true' } })
    expect(await run(encodeOrder(`file://${media}/clip.mp4`))).toMatchObject({ kind: 'done' })
    expect(await stat(join(media, 'clip.mp4'))).toMatchObject({ ino: before.ino, mtimeMs: before.mtimeMs })
  })

  test.each([
    ['a folder', '/tmp', 'INPUT_INVALID'],
    ['a device', '/dev/zero', 'INPUT_INVALID'],
    ['nothing', '/nothing', 'INPUT_UNREACHABLE'],
    ['a path with an escaped slash', '/tmp%2Fclip.mp4', 'INVALID_URL'],
    ['on another machine', '//other/clip.mp4', 'INVALID_URL'],
  ])('is no input where it is %s', async (_what, path, code) => {
    const { run } = await bench({ env: { ALLOW_FILE_INPUT: 'true' } })
    expect(await run(encodeOrder(`file:${path}`))).toMatchObject({ failure: { code, is_transient: false } })
  })
})

describe('where private networks are forbidden', () => {
  const forbidden = {
    kind: 'failed',
    failure: { code: 'FORBIDDEN_URL', message: expect.stringContaining('private address'), is_transient: false },
  }

  test.each(['127.0.0.1', 'localhost', '[::1]', '2130706433'])('an input at %s is refused', async (host) => {
    const { run } = await bench({ allowPrivateNetworks: false })
    expect(await run(encodeOrder(`${server.origin.replace('127.0.0.1', host)}/clip.mp4`))).toMatchObject(forbidden)
  })

  test('a redirect to such an address is refused', async () => {
    await using proxy = await startLocalServer(async (request, response) => {
      await serve(request.url?.replace('http://public.test', '') ?? '', response)
    })
    const { run } = await bench({ allowPrivateNetworks: false, proxy: proxy.origin })
    const inside = encodeURIComponent('http://169.254.169.254/latest/meta-data')
    expect(await run(encodeOrder(`http://public.test/to?${inside}`))).toMatchObject(forbidden)
    expect(await run(encodeOrder('http://public.test/clip.mp4'))).toMatchObject({ kind: 'done' })
  })
})

describe('a split job', () => {
  const preset: Preset = { ...QUICK_PRESET, container: 'hls', segment_sec: 1 }
  const order = () =>
    encodeOrder(`${server.origin}/clip.mp4`, {
      preset,
      output: { storage: 'local', path: 'shows/one/', type: 'hls' },
      chunks: 2,
    })

  test('is encoded in pieces and joined, and leaves nothing but its output', async () => {
    const { run, seen, stored } = await bench()
    const { chunks: _chunks, free_workers: _free, ...common } = order()
    const split = await run(order())
    const plan = split.kind === 'done' ? split.plan : null
    if (plan === null) throw new Error(`not split: ${JSON.stringify([split, seen.at(-1)])}`)
    expect(plan.chunks).toEqual([
      { index: 0, first_frame: 0, end_frame: 50 },
      { index: 1, first_frame: 50, end_frame: 100 },
    ])
    expect(seen).toContainEqual({ kind: 'storing' })
    for (const chunk of plan.chunks) {
      expect(await run({ ...common, task: 'chunk', chunk, plan })).toEqual({ kind: 'done', output: null, plan: null })
    }
    expect(await run({ ...common, task: 'join', plan })).toMatchObject({ kind: 'done', output: { output_type: 'hls' } })
    expect(await run({ ...common, task: 'tidy' })).toMatchObject({ kind: 'done' })
    const segments = [0, 1, 2, 3].map((index) => `segment_0_00${index}.ts`)
    expect((await stored()).toSorted()).toEqual(['master.m3u8', ...segments, 'stream_0.m3u8'])
  })

  test('that is given up is swept away', async () => {
    const { run, stored } = await bench()
    const { chunks: _chunks, free_workers: _free, ...common } = order()
    await run(order())
    expect(await stored()).not.toEqual([])
    expect(await run({ ...common, task: 'sweep' })).toMatchObject({ kind: 'done', output: null })
    expect(await stored()).toEqual([])
  })
})

test('a job that is stopped ends at once, and nothing of it is stored', async () => {
  const { run, seen, stop, stored } = await bench()
  const slow: Preset = {
    ...QUICK_PRESET,
    video: { codec: 'h265', speed: 'slow', renditions: [{ height: 90, crf: 5, kbps: null }] },
  }
  const running = run(encodeOrder(`${server.origin}/clip.mp4`, { preset: slow }))
  await expect.poll(() => seen.some((one) => one.kind === 'phase' && one.phase === 'encode')).toBe(true)
  stop()
  expect(await running).toEqual({ kind: 'aborted' })
  expect(await stored()).toEqual([])
})
