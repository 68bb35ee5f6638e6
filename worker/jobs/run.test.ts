import { execFileSync } from 'node:child_process'
import { createReadStream, existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import type { Preset } from '../../shared/contract/presets.ts'
import { startLocalServer, type LocalServer } from '../../shared/testing/local-server.ts'
import { createEncodeSpec, QUICK_PRESET } from '../testing/job-gateway.ts'
import { createTaskRunner } from './testing/task-runner.ts'

const SEC = 4
let media: string
let server: LocalServer

beforeAll(async () => {
  media = await mkdtemp(join(tmpdir(), 'tallylight-run-'))
  const video = ['-f', 'lavfi', '-i', `testsrc2=s=160x90:r=25:d=${SEC}`]
  const audio = ['-f', 'lavfi', '-i', `sine=frequency=440:duration=${SEC}`]
  const encoding = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '25', '-pix_fmt', 'yuv420p', '-c:a', 'aac']
  execFileSync('ffmpeg', ['-nostdin', '-v', 'error', ...video, ...audio, ...encoding, join(media, 'clip.mp4')])
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

describe('a whole job', () => {
  test('is fetched, encoded, validated and stored with thumbnails, after the leftovers of earlier jobs are removed', async () => {
    const { run, observations, listStored, put } = await createTaskRunner()
    const [broken, earlier] = ['.tallylight/broken/', '.tallylight/earlier/']
    const leftovers = [broken, earlier]
    await put(`${broken}files.json`, 'no list')
    await put(`${earlier}files.json`, JSON.stringify({ keys: ['shows/one.mp4', 'shows/one.sprite_7.jpg'] }))
    for (const key of [`${earlier}chunk_0.mkv`, 'shows/one.mp4', 'shows/one.sprite_7.jpg']) await put(key, '')
    const result = await run(createEncodeSpec(`${server.origin}/clip.mp4`, { thumbnails: true, leftovers }))

    const output = { output_url: 'http://127.0.0.1:9/media/shows/one.mp4', output_type: 'single', files_uploaded: 4 }
    expect(result).toMatchObject({ kind: 'done', output, plan: null })
    const files = ['one.mp4', 'one.poster.jpg', 'one.sprite_0.jpg', 'one.thumbnails.vtt']
    expect((await listStored()).toSorted()).toEqual(['files.json', ...files])
    const phases = observations.flatMap((one) => (one.kind === 'phase' ? [one.phase] : [one.kind]))
    const expectedOrder = ['fetch', 'probed', 'encode', 'storing', 'finish', 'validate', 'validated', 'store']
    expect([...new Set(phases)]).toEqual(expectedOrder)
  })

  test.each([
    ['hls', 'master.m3u8'],
    ['dash', 'manifest.mpd'],
  ] as const)('with one set for HLS and DASH reports the entry of the requested type: %s', async (type, entry) => {
    const { run } = await createTaskRunner()
    const preset: Preset = { ...QUICK_PRESET, container: 'cmaf', segment_sec: 2 }
    const output = { storage: 'local', path: 'shows/set/', type } as const
    const result = await run(createEncodeSpec(`${server.origin}/clip.mp4`, { preset, output, thumbnails: true }))
    expect(result).toMatchObject({
      output: { output_type: type, output_url: `http://127.0.0.1:9/media/shows/set/${entry}` },
    })
  })

  test.each([
    ['does not exist', '/nothing.mp4', 'INPUT_UNREACHABLE'],
    ['is a web page', '/page.html', 'INPUT_INVALID'],
    ['is a playlist that refers to a local file', '/list.m3u8', 'INPUT_INVALID'],
    ['is a concat script that refers to a local file', '/concat.txt', 'INPUT_INVALID'],
  ])('whose input %s fails permanently', async (_what, path, code) => {
    const { run, listStored } = await createTaskRunner()
    const failure = { code, is_transient: false }
    expect(await run(createEncodeSpec(server.origin + path))).toMatchObject({ kind: 'failed', failure })
    expect(await listStored()).toEqual([])
  })

  test('whose input is too large fails permanently', async () => {
    const { run } = await createTaskRunner({ env: { INPUT_MAX_BYTES: '1000', ALLOW_FILE_INPUT: 'true' } })
    for (const base of [server.origin, `file://${media}`]) {
      const failure = { code: 'INPUT_TOO_LARGE', is_transient: false }
      expect(await run(createEncodeSpec(`${base}/clip.mp4`))).toMatchObject({ kind: 'failed', failure })
    }
  })

  test.each(['mp4', 'mkv'])(
    'with a truncated input fails with that reason, unless its clip lies within the data: %s',
    async (type) => {
      const path = join(media, `cut.${type}`)
      const movie = type === 'mp4' ? ['-movflags', '+faststart'] : []
      execFileSync('ffmpeg', ['-nostdin', '-v', 'error', '-i', join(media, 'clip.mp4'), '-c', 'copy', ...movie, path])
      await truncate(path, Math.round((await stat(path)).size * 0.45))
      const { run } = await createTaskRunner()
      const url = `${server.origin}/cut.${type}`
      const message = expect.stringMatching(
        /^the input is truncated: its header declares 4\.0 s, but its data ends after 1\.\d s$/,
      )
      expect(await run(createEncodeSpec(url))).toMatchObject({ failure: { code: 'INPUT_INVALID', message } })
      expect(await run(createEncodeSpec(url, { clip: { start_sec: 3.5, duration_sec: 0.5 } }))).toMatchObject({
        failure: { message },
      })
      expect(await run(createEncodeSpec(url, { clip: { start_sec: 0, duration_sec: 1 } }))).toMatchObject({
        kind: 'done',
      })
    },
  )

  describe('is completed with a warning, and with all that is there,', () => {
    const warningsOf = async (bytes: Buffer) => {
      await writeFile(join(media, 'faulty.mp4'), bytes)
      const { run, observations } = await createTaskRunner()
      expect(await run(createEncodeSpec(`${server.origin}/faulty.mp4`))).toMatchObject({ kind: 'done' })
      const infos = observations.flatMap((one) => (one.kind === 'probed' ? [one.mediaInfo.duration_sec] : []))
      const validations = observations.flatMap((one) => (one.kind === 'validated' ? [one.validation] : []))
      return { durationSec: infos[0], codes: validations[0]?.warnings.map(({ code }) => code) }
    }

    test('where a media header says less than there is', async () => {
      const bytes = await readFile(join(media, 'clip.mp4'))
      for (let at = bytes.indexOf('mdhd'); at >= 0; at = bytes.indexOf('mdhd', at + 1))
        bytes.writeUInt32BE(bytes.readUInt32BE(at + 16), at + 20)
      for (let at = bytes.indexOf('elst'); at >= 0; at = bytes.indexOf('elst', at + 1)) bytes.write('free', at)
      const { durationSec, codes } = await warningsOf(bytes)
      expect(durationSec).toBeCloseTo(SEC, 1)
      expect(codes).toEqual(['INPUT_DURATION_WRONG'])
    })

    test('where a recording in fragments breaks off, within its media or within a header', async () => {
      const path = join(media, 'fragments.mp4')
      const copy = ['-c', 'copy', '-movflags', 'frag_keyframe+empty_moov+default_base_moof', path]
      execFileSync('ffmpeg', ['-nostdin', '-v', 'error', '-i', join(media, 'clip.mp4'), ...copy])
      const bytes = await readFile(path)
      const last = bytes.lastIndexOf('moof') - 4
      for (const cut of [bytes.subarray(0, last + 50), bytes.subarray(0, last + bytes.readUInt32BE(last) + 2000)]) {
        const { durationSec, codes } = await warningsOf(cut)
        expect(durationSec).toBeGreaterThan(2.9)
        expect(durationSec).toBeLessThan(3.9)
        expect(codes).toEqual(['INPUT_TRUNCATED'])
      }
    })
  })

  test('whose clip begins after the end of the input fails permanently', async () => {
    const { run } = await createTaskRunner()
    const spec = createEncodeSpec(`${server.origin}/clip.mp4`, { clip: { start_sec: 9, duration_sec: 1 } })
    expect(await run(spec)).toMatchObject({ failure: { code: 'INPUT_INVALID', is_transient: false } })
  })

  test('fails transiently where ffprobe or ffmpeg cannot be started', async () => {
    for (const env of [{ FFPROBE_PATH: '/nowhere/ffprobe' }, { FFMPEG_PATH: '/nowhere/ffmpeg' }]) {
      const { run } = await createTaskRunner({ env })
      expect(await run(createEncodeSpec(`${server.origin}/clip.mp4`))).toMatchObject({
        failure: { is_transient: true },
      })
    }
  })
})

describe('a local file', () => {
  test('is rejected unless local files are allowed', async () => {
    const { run } = await createTaskRunner()
    const failure = { code: 'FORBIDDEN_URL', is_transient: false }
    expect(await run(createEncodeSpec(`file://${media}/clip.mp4`))).toMatchObject({ kind: 'failed', failure })
  })

  test('is read in place, and not changed', async () => {
    const before = await stat(join(media, 'clip.mp4'))
    const { run } = await createTaskRunner({ env: { ALLOW_FILE_INPUT: 'true' } })
    expect(await run(createEncodeSpec(`file://${media}/clip.mp4`))).toMatchObject({ kind: 'done' })
    expect(await stat(join(media, 'clip.mp4'))).toMatchObject({ ino: before.ino, mtimeMs: before.mtimeMs })
  })

  test.each([
    ['a folder', '/tmp', 'INPUT_INVALID'],
    ['a device', '/dev/zero', 'INPUT_INVALID'],
    ['missing', '/nothing', 'INPUT_UNREACHABLE'],
    ['a path with an escaped slash', '/tmp%2Fclip.mp4', 'INVALID_URL'],
    ['on another machine', '//other/clip.mp4', 'INVALID_URL'],
  ])('is rejected as an input where it is %s', async (_what, path, code) => {
    const { run } = await createTaskRunner({ env: { ALLOW_FILE_INPUT: 'true' } })
    expect(await run(createEncodeSpec(`file:${path}`))).toMatchObject({ failure: { code, is_transient: false } })
  })
})

describe('if private networks are forbidden', () => {
  const forbidden = {
    kind: 'failed',
    failure: { code: 'FORBIDDEN_URL', message: expect.stringContaining('private address'), is_transient: false },
  }

  test.each(['127.0.0.1', 'localhost', '[::1]', '2130706433'])('an input at %s is rejected', async (host) => {
    const { run } = await createTaskRunner({ allowPrivateNetworks: false })
    expect(await run(createEncodeSpec(`${server.origin.replace('127.0.0.1', host)}/clip.mp4`))).toMatchObject(forbidden)
  })

  test('a redirect to a private address is rejected', async () => {
    await using proxy = await startLocalServer(async (request, response) => {
      await serve(request.url?.replace('http://public.test', '') ?? '', response)
    })
    const { run } = await createTaskRunner({ allowPrivateNetworks: false, proxy: proxy.origin })
    const inside = encodeURIComponent('http://169.254.169.254/latest/meta-data')
    expect(await run(createEncodeSpec(`http://public.test/to?${inside}`))).toMatchObject(forbidden)
    expect(await run(createEncodeSpec('http://public.test/clip.mp4'))).toMatchObject({ kind: 'done' })
  })
})

describe('a split job', () => {
  const preset: Preset = { ...QUICK_PRESET, container: 'hls', segment_sec: 1 }
  const splitSpec = () =>
    createEncodeSpec(`${server.origin}/clip.mp4`, {
      preset,
      output: { storage: 'local', path: 'shows/one/', type: 'hls' },
      chunks: 2,
    })

  test('is encoded in chunks and joined, and leaves nothing but its output in the store', async () => {
    const { run, observations, listStored } = await createTaskRunner()
    const { chunks: _chunks, free_workers: _free, ...common } = splitSpec()
    const split = await run(splitSpec())
    const plan = split.kind === 'done' ? split.plan : null
    if (plan === null) throw new Error(`not split: ${JSON.stringify([split, observations.at(-1)])}`)
    expect(plan.chunks).toEqual([
      { index: 0, first_frame: 0, end_frame: 50 },
      { index: 1, first_frame: 50, end_frame: 100 },
    ])
    expect(observations).toContainEqual({ kind: 'storing' })
    for (const chunk of plan.chunks) {
      expect(await run({ ...common, task: 'chunk', chunk, plan })).toEqual({ kind: 'done', output: null, plan: null })
    }
    expect(await run({ ...common, task: 'join', plan })).toMatchObject({ kind: 'done', output: { output_type: 'hls' } })
    expect(await run({ ...common, task: 'tidy' })).toMatchObject({ kind: 'done' })
    const segments = [0, 1, 2, 3].map((index) => `segment_0_00${index}.ts`)
    expect((await listStored()).toSorted()).toEqual(['master.m3u8', ...segments, 'stream_0.m3u8'])
  })

  test('is removed from the store by a sweep', async () => {
    const { run, listStored } = await createTaskRunner()
    const { chunks: _chunks, free_workers: _free, ...common } = splitSpec()
    await run(splitSpec())
    expect(await listStored()).not.toEqual([])
    expect(await run({ ...common, task: 'sweep' })).toMatchObject({ kind: 'done', output: null })
    expect(await listStored()).toEqual([])
  })
})

test('a stopped task is aborted at once, and stores nothing', async () => {
  const { run, observations, stop, listStored } = await createTaskRunner()
  const slow: Preset = {
    ...QUICK_PRESET,
    video: { codec: 'h265', speed: 'slow', renditions: [{ height: 90, crf: 5, kbps: null }] },
  }
  const running = run(createEncodeSpec(`${server.origin}/clip.mp4`, { preset: slow }))
  await expect.poll(() => observations.some((one) => one.kind === 'phase' && one.phase === 'encode')).toBe(true)
  stop()
  expect(await running).toEqual({ kind: 'aborted' })
  expect(await listStored()).toEqual([])
})
