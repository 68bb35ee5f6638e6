import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { PATIENCE_MS } from '../../../../shared/testing/until.ts'
import { runProgram } from '../../../platform/run-program.ts'
import type { OutputPlan } from '../../plan/output-plan.ts'

/** Media as ffmpeg writes them, in a folder that disposing removes, and their plan. */
export type EncodedSet = AsyncDisposable & { readonly dir: string; readonly plan: OutputPlan }

type SetOptions = {
  readonly container: 'hls' | 'dash' | 'cmaf'
  readonly heights: readonly number[]
  readonly hasAudio: boolean
  readonly durationSec: number
  /** 25 by default. */
  readonly fps?: { readonly num: number; readonly den: number }
  readonly codec?: 'h264' | 'h265' | 'av1'
}

const SEGMENT_SEC = 1
const AUDIO = { kbps: 64, channels: 2, sampleRate: 48_000 } as const
const ENCODERS = {
  h264: ['-c:v', 'libx264', '-preset', 'ultrafast', '-bf', '2', '-b_strategy', '0'],
  h265: ['-c:v', 'libx265', '-preset', 'ultrafast', '-tag:v', 'hvc1', '-x265-params', 'log-level=none:open-gop=0'],
  av1: ['-c:v', 'libsvtav1', '-preset', '12'],
}

/**
 * Encodes a test pattern with a tone into segments of one second.
 * @throws where ffmpeg fails
 */
export async function encodeSet(options: SetOptions): Promise<EncodedSet> {
  const dir = await mkdtemp(join(tmpdir(), 'tallylight-set-'))
  const plan = planSet(options)
  const run = { timeoutMs: PATIENCE_MS, signal: new AbortController().signal, cwd: dir }
  const result = await runProgram('ffmpeg', [...encodeArgs(options, plan), ...muxArgs(options)], run)
  if (result.kind !== 'exited' || result.code !== 0) throw new Error(`encoding a set failed: ${JSON.stringify(result)}`)
  return { dir, plan, [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }) }
}

function planSet(options: SetOptions): OutputPlan {
  const { container, hasAudio, durationSec, codec = 'h264', fps = { num: 25, den: 1 } } = options
  const gopFrames = Math.round((SEGMENT_SEC * fps.num) / fps.den)
  const [first, ...others] = options.heights.map((height, index) => {
    return { index, height, width: (height * 16) / 9, crf: null, kbps: Math.round((height * height) / 100) }
  })
  const kind = { codec, speed: 'ultrafast', fps, gopFrames, isDeinterlaced: false, isToneMapped: false } as const
  return {
    container,
    outputType: container === 'dash' ? 'dash' : 'hls',
    video: first === undefined ? null : { ...kind, renditions: [first, ...others] },
    audio: hasAudio ? AUDIO : null,
    inputHasAudio: hasAudio,
    leftOut: { video: null, audio: null },
    inputProblem: null,
    segmentSec: SEGMENT_SEC,
    durationSec,
    startSec: 0,
  }
}

function encodeArgs(options: SetOptions, { video }: OutputPlan): string[] {
  const renditions = video?.renditions.length ?? 0
  // Muxed audio is encoded once per rendition.
  const audioStreams = options.container === 'hls' && renditions > 0 ? renditions : 1
  const source = ['-f', 'lavfi', '-i', `sine=440:r=48000:d=${options.durationSec}`]
  const maps = Array.from({ length: audioStreams }, () => ['-map', `${renditions > 0 ? 1 : 0}:a`]).flat()
  const audioInput = { source, encoding: [...maps, '-c:a', 'aac', '-b:a', '64k', '-ac', '2'] }
  const videoInput = video === null ? null : videoArgs(video, options.durationSec)
  const inputs = [videoInput, options.hasAudio ? audioInput : null].filter((input) => input !== null)
  const sources = inputs.flatMap((input) => input.source)
  return ['-nostdin', '-v', 'error', '-filter_threads', '1', ...sources, ...inputs.flatMap((input) => input.encoding)]
}

function videoArgs({ renditions, fps, codec, gopFrames }: NonNullable<OutputPlan['video']>, durationSec: number) {
  const split = `split=${renditions.length}${renditions.map(({ index }) => `[v${index}]`).join('')}`
  const scales = renditions.map(({ index, width, height }) => `[v${index}]scale=${width}:${height},setsar=1[o${index}]`)
  const gop = String(gopFrames)
  return {
    source: ['-f', 'lavfi', '-i', `testsrc2=s=320x180:r=${fps.num}/${fps.den}:d=${durationSec}`],
    encoding: [
      ['-filter_complex', [split, ...scales].join(';')],
      renditions.flatMap(({ index, kbps }) => ['-map', `[o${index}]`, `-b:v:${index}`, `${kbps}k`]),
      [...ENCODERS[codec], '-pix_fmt', 'yuv420p'],
      ['-g', gop, '-keyint_min', gop, '-sc_threshold', '0', '-flags:v', '+cgop'],
    ].flat(),
  }
}

function muxArgs({ container, heights, hasAudio }: SetOptions): string[] {
  if (container === 'hls') {
    const variants = heights.map((_, n) => (hasAudio ? `v:${n},a:${n}` : `v:${n}`))
    return [
      ['-f', 'hls', '-hls_time', String(SEGMENT_SEC), '-hls_playlist_type', 'vod'],
      ['-hls_segment_filename', 'segment_%v_%03d.ts'],
      ['-var_stream_map', variants.length > 0 ? variants.join(' ') : 'a:0', 'stream_%v.m3u8'],
    ].flat()
  }
  return [
    ['-f', 'dash', '-seg_duration', String(SEGMENT_SEC), '-hls_playlist', container === 'cmaf' ? '1' : '0'],
    ['-init_seg_name', 'init_$RepresentationID$.m4s', '-media_seg_name', 'chunk_$RepresentationID$_$Number$.m4s'],
    [
      '-adaptation_sets',
      heights.length === 0 ? 'id=0,streams=a' : `id=0,streams=v${hasAudio ? ' id=1,streams=a' : ''}`,
    ],
    ['manifest.mpd'],
  ].flat()
}
