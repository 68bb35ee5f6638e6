import { chmod, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { PATIENCE_MS } from '../../../shared/testing/until.ts'
import type { Clip } from '../../../shared/contract/jobs.ts'
import type { Preset } from '../../../shared/contract/presets.ts'
import { probeMedia } from '../../media/ffprobe.ts'
import { runProgram } from '../../platform/run-program.ts'
import { makeSourceMedia } from '../../../shared/testing/source-media.ts'
import { concatenateFiles, inspectMedia } from '../../testing/media-facts.ts'
import { planOutput } from '../plan/plan-output.ts'
import { encode } from './encode.ts'
import type { EncoderProgress } from './encoder-progress.ts'
import { type EncoderOptions, runEncoder } from './run-encoder.ts'

let root: string
let inputPath: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'tallylight-run-encoder-'))
  inputPath = await makeSourceMedia(root, 'ts', { size: '160x90', sec: 2 })
})
afterAll(() => rm(root, { recursive: true, force: true }))

async function encoderOptions(options: Partial<EncoderOptions> = {}): Promise<EncoderOptions> {
  return {
    ffmpegPath: 'ffmpeg',
    dir: await mkdtemp(join(root, 'out-')),
    signal: new AbortController().signal,
    timeoutMs: PATIENCE_MS,
    maxOutputBytes: 1e9,
    onProgress: () => {},
    ...options,
  }
}

/** Writes a shell script to run in place of ffmpeg. */
async function writeProgram(script: string): Promise<string> {
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
  options: Partial<EncoderOptions> = {},
  { preset = PRESET, clip = null }: { preset?: Preset; clip?: Clip | null } = {},
) {
  const probed = await probeMedia('ffprobe', path, { timeoutMs: PATIENCE_MS, signal: new AbortController().signal })
  if (probed.kind !== 'ok') throw new Error(probed.reason)
  const planned = planOutput(probed.probe, preset, clip)
  if (planned.kind !== 'planned') throw new Error(planned.failure.message)
  const encoderRun = await encoderOptions(options)
  const result = await encode(path, planned.plan, encoderRun)
  return { result, dir: encoderRun.dir, plan: planned.plan, output: join(encoderRun.dir, 'output.mp4') }
}

/** Measures the similarity (SSIM) of a file's first frames to those of another file from the `nth` on. */
async function measureSsim(path: string, other: { readonly path: string; readonly nth: number }): Promise<number> {
  const cuts = `[0:v]trim=end_frame=10[a];[1:v]trim=start_frame=${other.nth},setpts=PTS-STARTPTS[b]`
  const graph = `${cuts};[a][b]ssim=shortest=1:stats_file=-`
  const args = ['-nostdin', '-v', 'error', '-i', path, '-i', other.path, '-filter_complex', graph, '-f', 'null', '-']
  const result = await runProgram('ffmpeg', args, { timeoutMs: PATIENCE_MS, signal: new AbortController().signal })
  const values = Array.from(result.kind === 'exited' ? result.stdout.matchAll(/All:([\d.]+)/g) : [], ([, all]) =>
    Number(all),
  )
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

describe('a run of ffmpeg', () => {
  test('reports its progress, which never decreases, up to the end', async () => {
    const reported: EncoderProgress[] = []
    const { result } = await encodeFile(inputPath, { onProgress: (progress) => reported.push(progress) })
    expect(result).toEqual({ kind: 'done' })
    const times = reported.map(({ outTimeSec }) => outTimeSec)
    expect(times).toEqual(times.toSorted((a, b) => a - b))
    expect(times.at(-1)).toBeCloseTo(2, 0.7)
  })

  test('that makes no progress is killed with its children and fails transiently', async () => {
    const block = 'out_time_us=1000000\\nframe=30\\nprogress=continue\\n'
    const ffmpegPath = await writeProgram(`while true; do printf '${block}'; sleep 0.05; done`)
    const reported: EncoderProgress[] = []
    const onProgress = (progress: EncoderProgress) => reported.push(progress)
    expect(await runEncoder([], await encoderOptions({ ffmpegPath, stallMs: 500, onProgress }))).toEqual({
      kind: 'failed',
      failure: { code: 'STALLED', message: 'ffmpeg made no progress for 1 s', is_transient: true },
    })
    expect(reported.length).toBeGreaterThan(1)
  })

  test('may report nothing while it writes a file, as when it moves the index to the front, but no longer', async () => {
    const last = "printf 'out_time_us=9500000\\nprogress=continue\\n'"
    const writes = 'for i in 1 2 3 4 5; do echo >> output.mp4; sleep 0.5; done'
    const writing = await writeProgram(`${last}; ${writes}`)
    expect(await runEncoder([], await encoderOptions({ ffmpegPath: writing, stallMs: 2000 }))).toEqual({ kind: 'done' })
    const hanging = await writeProgram(`${last}; echo >> output.mp4; sleep 300`)
    expect(
      await runEncoder([], await encoderOptions({ ffmpegPath: hanging, stallMs: 200, timeoutMs: PATIENCE_MS })),
    ).toMatchObject({
      failure: { code: 'STALLED', is_transient: true },
    })
  })

  test('may report nothing for longer where it has to decode a long part before a clip', async () => {
    const ffmpegPath = await writeProgram('sleep 0.5')
    const clip = { start_sec: 1.5, duration_sec: 0.1 }
    expect(await encodeFile(inputPath, { ffmpegPath, stallMs: 200 }, { clip })).toMatchObject({
      result: { kind: 'done' },
    })
    expect(await encodeFile(inputPath, { ffmpegPath, stallMs: 200 })).toMatchObject({ result: { kind: 'failed' } })
  })

  test('that makes slow progress is not killed', async () => {
    const block = "printf 'out_time_us=0\\nframe='$i'\\nprogress=continue\\n'"
    const ffmpegPath = await writeProgram(`for i in 1 2 3 4 5; do ${block}; sleep 0.5; done`)
    expect(await runEncoder([], await encoderOptions({ ffmpegPath, stallMs: 2000 }))).toEqual({ kind: 'done' })
  })

  test('that exceeds the time limit of the job fails permanently', async () => {
    const ffmpegPath = await writeProgram('sleep 300')
    expect(await runEncoder([], await encoderOptions({ ffmpegPath, timeoutMs: 200 }))).toMatchObject({
      failure: { code: 'JOB_TIMEOUT', is_transient: false },
    })
  })

  test('ends as aborted when the signal aborts', async () => {
    const abort = new AbortController()
    const running = runEncoder(
      [],
      await encoderOptions({ ffmpegPath: await writeProgram('sleep 300'), signal: abort.signal }),
    )
    abort.abort()
    expect(await running).toEqual({ kind: 'aborted' })
  })

  test('that is killed from outside fails transiently', async () => {
    const ffmpegPath = await writeProgram('kill -9 $$')
    expect(await runEncoder([], await encoderOptions({ ffmpegPath }))).toMatchObject({
      failure: { code: 'ENCODE_FAILED', message: expect.stringContaining('SIGKILL'), is_transient: true },
    })
  })

  test('that writes too much fails permanently, at the latest when it has ended', async () => {
    const big = 'head -c 100000 /dev/zero > output.mp4'
    const tooLarge = { failure: { code: 'OUTPUT_TOO_LARGE', is_transient: false } }
    const running = await writeProgram(`${big}; printf 'progress=continue\\n'; sleep 300`)
    expect(await runEncoder([], await encoderOptions({ ffmpegPath: running, maxOutputBytes: 50_000 }))).toMatchObject(
      tooLarge,
    )
    const silent = await writeProgram(big)
    expect(await runEncoder([], await encoderOptions({ ffmpegPath: silent, maxOutputBytes: 50_000 }))).toMatchObject(
      tooLarge,
    )
    expect(await runEncoder([], await encoderOptions({ ffmpegPath: silent, maxOutputBytes: 200_000 }))).toEqual({
      kind: 'done',
    })
  })

  test('that finds the disk full fails transiently, although ffmpeg exits with 0', async () => {
    const full = { failure: { code: 'ENOSPC', is_transient: true } }
    const said = await writeProgram("echo 'Error closing file output.mp4: No space left on device' >&2")
    expect(await runEncoder([], await encoderOptions({ ffmpegPath: said }))).toMatchObject(full)
    const { result } = await encodeFile(inputPath, { minFreeBytes: Number.MAX_SAFE_INTEGER })
    expect(result).toMatchObject(full)
  })

  test('with an invalid argument fails permanently with the first message of ffmpeg', async () => {
    const args = ['-v', 'error', '-f', 'lavfi', '-i', 'nosuchfilter', '-f', 'null', '-']
    expect(await runEncoder(args, await encoderOptions())).toEqual({
      kind: 'failed',
      failure: {
        code: 'ENCODE_FAILED',
        message: "ffmpeg could not encode the input: No such filter: 'nosuchfilter'",
        is_transient: false,
      },
    })
  })

  test('whose program is missing fails transiently, since another worker may have it', async () => {
    expect(await runEncoder([], await encoderOptions({ ffmpegPath: '/nowhere/ffmpeg' }))).toMatchObject({
      failure: { code: 'ENCODE_FAILED', is_transient: true },
    })
  })
})

describe('a damaged input', () => {
  async function damaged(name: string, change: (bytes: Buffer) => void): Promise<string> {
    const path = join(root, name)
    const bytes = await readFile(await makeSourceMedia(root, 'plain', { size: '160x90', sec: 2 }))
    change(bytes)
    await writeFile(path, bytes)
    return path
  }

  test('is encoded in its full length as far as it can be decoded', async () => {
    const path = await damaged('scratched.mp4', (bytes) => bytes.fill(0, 40_000, 44_000))
    const { result, output } = await encodeFile(path)
    expect(result).toEqual({ kind: 'done' })
    expect(await inspectMedia(output)).toMatchObject({ video: { nb_read_frames: '60' }, errors: '' })
  })

  test('that is truncated is encoded as far as it goes, without padding', async () => {
    const path = join(root, 'cut.ts')
    await writeFile(path, await readFile(inputPath))
    const whole = await readFile(path)
    await truncate(path, Math.round(whole.length / 2))
    const { result, output } = await encodeFile(path)
    expect(result).toEqual({ kind: 'done' })
    const { video } = await inspectMedia(output)
    expect(Number(video?.['nb_read_frames'])).toBeGreaterThan(15)
    expect(Number(video?.['nb_read_frames'])).toBeLessThan(45)
  })

  test('whose clock is set back in the middle is encoded to its end, to a single file and to segments', async () => {
    const path = await concatenateFiles(root, ['plain.ts', 'plain.ts'], join(root, 'twice.ts'))
    const { result, output, plan } = await encodeFile(path)
    expect(result).toEqual({ kind: 'done' })
    expect(plan.durationSec).toBeCloseTo(4, 1)
    const whole = { video: { nb_read_frames: String(plan.input.video?.frames) }, errors: '' }
    expect(await inspectMedia(output)).toMatchObject(whole)
    const hls = await encodeFile(path, {}, { preset: { ...PRESET, container: 'hls', segment_sec: 2 } })
    const segments = (await readdir(hls.dir)).filter((name) => name.endsWith('.ts')).toSorted()
    expect(await inspectMedia(await concatenateFiles(hls.dir, segments, join(root, 'joined.ts')))).toMatchObject(whole)
  })

  test.each([
    [1, 2, 30],
    [3, 1, 30],
  ])(
    'whose clock is set back is clipped at its playback times (from %i s, %i s long)',
    async (start_sec, duration_sec, nth) => {
      const path = await concatenateFiles(root, ['plain.ts', 'plain.ts'], join(root, 'twice.ts'))
      const { result, output } = await encodeFile(path, {}, { clip: { start_sec, duration_sec } })
      expect(result).toEqual({ kind: 'done' })
      const frames = { nb_read_frames: String(duration_sec * 30) }
      expect(await inspectMedia(output)).toMatchObject({ video: frames, errors: '' })
      expect(await measureSsim(output, { path: inputPath, nth })).toBeGreaterThan(0.95)
      expect(await measureSsim(output, { path: inputPath, nth: nth - 1 })).toBeLessThan(0.95)
    },
  )

  test('of which nothing can be decoded fails permanently, with a message for the user', async () => {
    const path = await damaged('noise.mp4', (bytes) => {
      bytes.fill(0x55, bytes.indexOf('mdat') + 4, bytes.indexOf('moov') - 4)
    })
    const { result } = await encodeFile(path)
    const message = expect.stringMatching(
      /^no frame of a track could be decoded: the input is damaged.* \(ffmpeg: .+\)$/,
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
  ])('fails with the relevant line of stderr: %j', async (stderr, cause) => {
    const result = await runEncoder(
      [],
      await encoderOptions({ ffmpegPath: await writeProgram(`printf '${stderr}\n' >&2; exit 1`) }),
    )
    expect(result).toMatchObject({
      kind: 'failed',
      failure: { message: expect.stringContaining(`(ffmpeg: ${cause})`) },
    })
  })
})
