import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { runProgram } from '../platform/run-program.ts'

/** A stretch of a clip. `normal` is a moving test picture, `dark` a grey that is nearly black; a number is dBFS. */
export type ClipPart = {
  readonly sec: number
  readonly video?: 'normal' | 'black' | 'dark'
  readonly audio?: 'tone' | 'silent' | number
}

export type ClipOptions = {
  readonly segmentSec: number
  readonly fps: number
  /** `WIDTHxHEIGHT`. */
  readonly size: string
  readonly container: 'ts' | 'fmp4'
  /** Seconds between key frames, a divisor of `segmentSec`, which is the default. */
  readonly gopSec?: number
  readonly bFrames?: number
  /** Bit rate of the picture; by default as much as the quality needs, which is a lot. */
  readonly videoKbps?: number
  /** x264's; `ultrafast` by default, which is quick to decode too, `veryfast` is as broadcasters encode. */
  readonly preset?: 'ultrafast' | 'veryfast'
  readonly withVideo?: boolean
  readonly withAudio?: boolean
  readonly ffmpegPath?: string
}

type ClipSegment = { readonly durationSec: number; readonly path: string; readonly name: string }

/** A clip cut into HLS segments, in a folder of its own that goes when the clip is disposed of. */
export type Clip = AsyncDisposable & {
  readonly dir: string
  readonly segments: readonly ClipSegment[]
  /** What must stand before each segment of an fMP4 clip. */
  readonly initPath: string | null
  readonly targetDurationSec: number
}

const PLAYLIST = 'index.m3u8'
const INIT = 'init.mp4'
const TONE_DBFS = -18
const ENCODE_TIMEOUT_MS = 120_000

/**
 * Makes a synthetic clip. A frame or sample belongs to the part in which its time falls, so that every edge is known
 * exactly: picture edges are those of the first frame at or after the part's start. Throws when ffmpeg fails.
 */
export async function makeClip(parts: readonly ClipPart[], options: ClipOptions): Promise<Clip> {
  const dir = await mkdtemp(join(tmpdir(), 'tallylight-clip-'))
  const run = { timeoutMs: ENCODE_TIMEOUT_MS, signal: new AbortController().signal, cwd: dir }
  const result = await runProgram(options.ffmpegPath ?? 'ffmpeg', clipArgs(parts, options), run)
  if (result.kind !== 'exited' || result.code !== 0) {
    await rm(dir, { recursive: true })
    throw new Error(`making a clip failed: ${JSON.stringify(result)}`)
  }
  return {
    dir,
    ...(await readPlaylist(dir)),
    initPath: options.container === 'fmp4' ? join(dir, INIT) : null,
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }),
  }
}

async function readPlaylist(dir: string): Promise<Pick<Clip, 'segments' | 'targetDurationSec'>> {
  const playlist = await readFile(join(dir, PLAYLIST), 'utf8')
  const segments = Array.from(playlist.matchAll(/#EXTINF:([\d.]+),\n(.+)/g), ([, duration = '', name = '']) => {
    return { durationSec: Number(duration), name, path: join(dir, name) }
  })
  return { segments, targetDurationSec: Number(/#EXT-X-TARGETDURATION:(\d+)/.exec(playlist)?.[1]) }
}

function clipArgs(parts: readonly ClipPart[], options: ClipOptions): string[] {
  const { withVideo = true, withAudio = true } = options
  const isTs = options.container === 'ts'
  return [
    ['-nostdin', '-v', 'error', '-filter_threads', '1'],
    withVideo ? ['-f', 'lavfi', '-i', pictureSource(parts, options)] : [],
    withAudio ? ['-f', 'lavfi', '-i', soundSource(parts)] : [],
    withVideo ? pictureEncoding(options) : [],
    withAudio ? ['-c:a', 'aac', '-b:a', '96k'] : [],
    ['-f', 'hls', '-hls_time', String(options.segmentSec), '-hls_playlist_type', 'vod'],
    ['-hls_segment_type', isTs ? 'mpegts' : 'fmp4', '-hls_fmp4_init_filename', INIT],
    ['-hls_segment_filename', isTs ? '%05d.ts' : '%05d.m4s', PLAYLIST],
  ].flat()
}

function pictureEncoding(options: ClipOptions): string[] {
  const { fps, segmentSec, gopSec = segmentSec, bFrames = 0, videoKbps, preset = 'ultrafast' } = options
  const rate =
    videoKbps === undefined ? [] : ['-b:v', `${videoKbps}k`, '-maxrate', `${videoKbps}k`, '-bufsize', `${videoKbps}k`]
  const gop = String(Math.round(fps * gopSec))
  return [
    ['-c:v', 'libx264', '-preset', preset, '-pix_fmt', 'yuv420p', '-bf', String(bFrames)],
    ['-g', gop, '-keyint_min', gop, '-sc_threshold', '0', '-flags', '+cgop'],
    rate,
  ].flat()
}

function pictureSource(parts: readonly ClipPart[], { fps, size }: ClipOptions): string {
  const covers = timed(parts).flatMap(({ part, within }) => {
    const color = { normal: null, black: 'black', dark: '0x2a2a2a' }[part.video ?? 'normal']
    return color === null ? [] : [`drawbox=c=${color}:t=fill:enable='${within}'`]
  })
  return [`testsrc2=s=${size}:r=${fps}:d=${totalSec(parts)}`, ...covers].join(',')
}

function soundSource(parts: readonly ClipPart[]): string {
  const gains = timed(parts).map(({ part, within }) => `${gain(part.audio ?? 'tone')}*${within}`)
  return `aevalsrc='sin(2*PI*440*t)*(${gains.join('+')})':s=48000:d=${totalSec(parts)}`
}

/** Peak amplitude of a part's sound, of 1. */
function gain(audio: NonNullable<ClipPart['audio']>): number {
  if (audio === 'silent') return 0
  return 10 ** ((audio === 'tone' ? TONE_DBFS : audio) / 20)
}

/** Each part with an ffmpeg expression that is 1 within it. Half a microsecond absorbs the rounding of sums. */
function timed(parts: readonly ClipPart[]): { part: ClipPart; within: string }[] {
  return parts.map((part, index) => {
    const startSec = totalSec(parts.slice(0, index)) - 5e-7
    const endSec = startSec + part.sec
    return { part, within: `gte(t,${startSec.toFixed(7)})*lt(t,${endSec.toFixed(7)})` }
  })
}

function totalSec(parts: readonly ClipPart[]): number {
  return parts.reduce((sum, part) => sum + part.sec, 0)
}
