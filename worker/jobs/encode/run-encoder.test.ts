import { chmod, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import type { Clip } from '../../../shared/contract/jobs.ts'
import type { Preset } from '../../../shared/contract/presets.ts'
import { probe } from '../../platform/ffprobe.ts'
import { runProgram } from '../../platform/run-program.ts'
import { makeSource } from '../../testing/job-media.ts'
import { joinFiles, mediaFacts } from '../../testing/media-facts.ts'
import { planOutput } from '../plan.ts'
import { encode } from './encode.ts'
import type { EncoderProgress } from './encoder-progress.ts'
import { type EncoderRun, runEncoder } from './run-encoder.ts'

let root: string
let source: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'tallylight-run-encoder-'))
  source = await makeSource(root, 'ts', { size: '160x90', sec: 2 })
})
afterAll(() => rm(root, { recursive: true, force: true }))

async function run(options: Partial<EncoderRun> = {}): Promise<EncoderRun> {
  return {
    ffmpegPath: 'ffmpeg',
    dir: await mkdtemp(join(root, 'out-')),
    signal: new AbortController().signal,
    timeoutMs: 30_000,
    maxOutputBytes: 1e9,
    onProgress: () => {},
    ...options,
  }
}

/** A program in ffmpeg's place. */
async function program(script: string): Promise<string> {
  const path = join(await mkdtemp(join(root, 'bin-')), 'ffmpeg')
  await writeFile(path, `#!/bin/sh\n${script}\n`)
  await chmod(path, 0o755)
  return path
}

const PRESET: Preset = {
  description: 'x',
  container: 'mp4',
  segment_sec: null,
  video: { codec: 'h264', speed: 'ultrafast', renditions: [{ height: 1080, crf: 30, kbps: null }] },
  audio: { codec: 'aac', kbps: 64 },
}

async function encodeFile(
  path: string,
  options: Partial<EncoderRun> = {},
  { preset = PRESET, clip = null }: { preset?: Preset; clip?: Clip | null } = {},
) {
  const probed = await probe('ffprobe', path, { timeoutMs: 10_000, signal: new AbortController().signal })
  if (probed.kind !== 'ok') throw new Error(probed.reason)
  const planned = planOutput(probed.probe, preset, clip)
  if (planned.kind !== 'planned') throw new Error(planned.failure.message)
  const made = await run(options)
  const result = await encode(path, planned.plan, made)
  return { result, dir: made.dir, plan: planned.plan, output: join(made.dir, 'output.mp4') }
}

/** How alike (SSIM) the first frames of a file are to those of another from the `nth` on. */
async function likeness(path: string, other: { readonly path: string; readonly nth: number }): Promise<number> {
  const cuts = `[0:v]trim=end_frame=10[a];[1:v]trim=start_frame=${other.nth},setpts=PTS-STARTPTS[b]`
  const graph = `${cuts};[a][b]ssim=shortest=1:stats_file=-`
  const args = ['-nostdin', '-v', 'error', '-i', path, '-i', other.path, '-filter_complex', graph, '-f', 'null', '-']
  const result = await runProgram('ffmpeg', args, { timeoutMs: 20_000, signal: new AbortController().signal })
  const values = Array.from(result.kind === 'exited' ? result.stdout.matchAll(/All:([\d.]+)/g) : [], ([, all]) =>
    Number(all),
  )
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

describe('a run of ffmpeg', () => {
  test('tells how far it is, never backwards, up to the end', async () => {
    const told: EncoderProgress[] = []
    const { result } = await encodeFile(source, { onProgress: (progress) => told.push(progress) })
    expect(result).toEqual({ kind: 'done' })
    const times = told.map(({ outTimeSec }) => outTimeSec)
    expect(times).toEqual(times.toSorted((a, b) => a - b))
    expect(times.at(-1)).toBeCloseTo(2, 0.7)
  })

  test('that makes no progress is ended with its children, and may be tried again', async () => {
    const block = 'out_time_us=1000000\\nframe=30\\nprogress=continue\\n'
    const ffmpegPath = await program(`while true; do printf '${block}'; sleep 0.05; done`)
    const told: EncoderProgress[] = []
    const onProgress = (progress: EncoderProgress) => told.push(progress)
    expect(await runEncoder([], await run({ ffmpegPath, stallMs: 500, onProgress }))).toEqual({
      kind: 'failed',
      failure: { code: 'STALLED', message: 'ffmpeg made no progress for 1 s', is_transient: true },
    })
    expect(told.length).toBeGreaterThan(1)
  })

  test('may be silent as long as it writes, as where it puts the index of a file first, and no longer', async () => {
    const last = "printf 'out_time_us=9500000\\nprogress=continue\\n'"
    const writes = 'for i in 1 2 3 4 5 6 7 8; do echo >> output.mp4; sleep 0.1; done'
    const writing = await program(`${last}; ${writes}`)
    expect(await runEncoder([], await run({ ffmpegPath: writing, stallMs: 500 }))).toEqual({ kind: 'done' })
    const hanging = await program(`${last}; echo >> output.mp4; sleep 300`)
    expect(await runEncoder([], await run({ ffmpegPath: hanging, stallMs: 200, timeoutMs: 5000 }))).toMatchObject({
      failure: { code: 'STALLED', is_transient: true },
    })
  })

  test('may be silent for longer where much lies before a clip, all of which it has to decode', async () => {
    const ffmpegPath = await program('sleep 1')
    const clip = { start_sec: 1.5, duration_sec: 0.1 }
    expect(await encodeFile(source, { ffmpegPath, stallMs: 200 }, { clip })).toMatchObject({ result: { kind: 'done' } })
    expect(await encodeFile(source, { ffmpegPath, stallMs: 200 })).toMatchObject({ result: { kind: 'failed' } })
  })

  test('that gets on by little is left alone', async () => {
    const block = "printf 'out_time_us=0\\nframe='$i'\\nprogress=continue\\n'"
    const ffmpegPath = await program(`for i in 1 2 3 4 5 6; do ${block}; sleep 0.2; done`)
    expect(await runEncoder([], await run({ ffmpegPath, stallMs: 1000 }))).toEqual({ kind: 'done' })
  })

  test('that takes longer than the job may is ended for good', async () => {
    const ffmpegPath = await program('sleep 300')
    expect(await runEncoder([], await run({ ffmpegPath, timeoutMs: 200 }))).toMatchObject({
      failure: { code: 'JOB_TIMEOUT', is_transient: false },
    })
  })

  test('is ended by the signal, which is no failure', async () => {
    const abort = new AbortController()
    const running = runEncoder([], await run({ ffmpegPath: await program('sleep 300'), signal: abort.signal }))
    abort.abort()
    expect(await running).toEqual({ kind: 'aborted' })
  })

  test('that is killed by somebody else may be tried again', async () => {
    const ffmpegPath = await program('kill -9 $$')
    expect(await runEncoder([], await run({ ffmpegPath }))).toMatchObject({
      failure: { code: 'ENCODE_FAILED', message: expect.stringContaining('SIGKILL'), is_transient: true },
    })
  })

  test('that writes more than it may is ended for good, at the latest when it is done', async () => {
    const big = 'head -c 100000 /dev/zero > output.mp4'
    const tooLarge = { failure: { code: 'OUTPUT_TOO_LARGE', is_transient: false } }
    const running = await program(`${big}; printf 'progress=continue\\n'; sleep 300`)
    expect(await runEncoder([], await run({ ffmpegPath: running, maxOutputBytes: 50_000 }))).toMatchObject(tooLarge)
    const silent = await program(big)
    expect(await runEncoder([], await run({ ffmpegPath: silent, maxOutputBytes: 50_000 }))).toMatchObject(tooLarge)
    expect(await runEncoder([], await run({ ffmpegPath: silent, maxOutputBytes: 200_000 }))).toEqual({ kind: 'done' })
  })

  test('that finds the disk full may be tried again, though ffmpeg itself ends well', async () => {
    const full = { failure: { code: 'ENOSPC', is_transient: true } }
    const said = await program("echo 'Error closing file output.mp4: No space left on device' >&2")
    expect(await runEncoder([], await run({ ffmpegPath: said }))).toMatchObject(full)
    const { result } = await encodeFile(source, { minFreeBytes: Number.MAX_SAFE_INTEGER })
    expect(result).toMatchObject(full)
  })

  test('that does not know an option has failed for good, and its first complaint is told', async () => {
    const args = ['-v', 'error', '-f', 'lavfi', '-i', 'nosuchfilter', '-f', 'null', '-']
    expect(await runEncoder(args, await run())).toEqual({
      kind: 'failed',
      failure: { code: 'ENCODE_FAILED', message: "No such filter: 'nosuchfilter'", is_transient: false },
    })
  })

  test('whose program is not there may be tried again: another worker may have it', async () => {
    expect(await runEncoder([], await run({ ffmpegPath: '/nowhere/ffmpeg' }))).toMatchObject({
      failure: { code: 'ENCODE_FAILED', is_transient: true },
    })
  })
})

describe('a damaged source', () => {
  async function damaged(name: string, change: (bytes: Buffer) => void): Promise<string> {
    const path = join(root, name)
    const bytes = await readFile(await makeSource(root, 'plain', { size: '160x90', sec: 2 }))
    change(bytes)
    await writeFile(path, bytes)
    return path
  }

  test('is encoded as well as it can be, in its full length', async () => {
    const path = await damaged('scratched.mp4', (bytes) => bytes.fill(0, 40_000, 44_000))
    const { result, output } = await encodeFile(path)
    expect(result).toEqual({ kind: 'done' })
    expect(await mediaFacts(output)).toMatchObject({ video: { nb_read_frames: '60' }, complaints: '' })
  })

  test('that is cut off gives what it holds, and nothing is made up for what is missing', async () => {
    const path = join(root, 'cut.ts')
    await writeFile(path, await readFile(source))
    const whole = await readFile(path)
    await truncate(path, Math.round(whole.length / 2))
    const { result, output } = await encodeFile(path)
    expect(result).toEqual({ kind: 'done' })
    const { video } = await mediaFacts(output)
    expect(Number(video?.['nb_read_frames'])).toBeGreaterThan(15)
    expect(Number(video?.['nb_read_frames'])).toBeLessThan(45)
  })

  test('whose clock is set back in its middle is encoded to its end, to a file and to segments', async () => {
    const path = await joinFiles(root, ['plain.ts', 'plain.ts'], join(root, 'twice.ts'))
    const { result, output, plan } = await encodeFile(path)
    expect(result).toEqual({ kind: 'done' })
    expect(plan.durationSec).toBeCloseTo(4, 1)
    const whole = { video: { nb_read_frames: String(plan.reading.picture?.frames) }, complaints: '' }
    expect(await mediaFacts(output)).toMatchObject(whole)
    const hls = await encodeFile(path, {}, { preset: { ...PRESET, container: 'hls', segment_sec: 2 } })
    const segments = (await readdir(hls.dir)).filter((name) => name.endsWith('.ts')).toSorted()
    expect(await mediaFacts(await joinFiles(hls.dir, segments, join(root, 'joined.ts')))).toMatchObject(whole)
  })

  test.each([
    [1, 2, 30],
    [3, 1, 30],
  ])(
    'whose clock is set back is clipped at its true times (from %i s, %i s long)',
    async (start_sec, duration_sec, nth) => {
      const path = await joinFiles(root, ['plain.ts', 'plain.ts'], join(root, 'twice.ts'))
      const { result, output } = await encodeFile(path, {}, { clip: { start_sec, duration_sec } })
      expect(result).toEqual({ kind: 'done' })
      const frames = { nb_read_frames: String(duration_sec * 30) }
      expect(await mediaFacts(output)).toMatchObject({ video: frames, complaints: '' })
      expect(await likeness(output, { path: source, nth })).toBeGreaterThan(0.95)
      expect(await likeness(output, { path: source, nth: nth - 1 })).toBeLessThan(0.95)
    },
  )

  test('of which nothing can be decoded is to blame itself, for good, in words that say what to do', async () => {
    const path = await damaged('noise.mp4', (bytes) => {
      bytes.fill(0x55, bytes.indexOf('mdat') + 4, bytes.indexOf('moov') - 4)
    })
    const { result } = await encodeFile(path)
    const message = expect.stringMatching(
      /^nothing of a track of the input can be decoded: it is damaged.* \(ffmpeg: .+\)$/,
    )
    expect(result).toMatchObject({ failure: { code: 'INPUT_INVALID', message, is_transient: false } })
  })

  test.each([
    ['Empty output on stream 0.', 'Empty output on stream 0.'],
    ['[h264 @ 0x1] mmco: unref short failure\nEmpty output on stream 0.', 'Empty output on stream 0.'],
    [
      '[h264 @ 0x1] mmco: unref short failure\nError while decoding stream #0:0: Invalid data found',
      'Error while decoding stream #0:0: Invalid data found',
    ],
    ['[h264 @ 0x1] mmco: unref short failure', 'mmco: unref short failure'],
  ])('is told of by the complaint that counts: %j', async (stderr, cause) => {
    const result = await runEncoder([], await run({ ffmpegPath: await program(`printf '${stderr}\n' >&2; exit 1`) }))
    expect(result).toMatchObject({
      kind: 'failed',
      failure: { message: expect.stringContaining(`(ffmpeg: ${cause})`) },
    })
  })
})
