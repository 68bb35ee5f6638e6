import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { runFfmpeg } from './run-ffmpeg.ts'

/** One part of a clip. Picture: `normal` moves, `dark` is nearly black, `still` is one bright colour,
 * `fading` goes evenly from white to black. Sound: a number is its level in dBFS. */
export type ClipPart = {
  readonly sec: number
  readonly video?: 'normal' | 'black' | 'dark' | 'still' | 'fading'
  readonly audio?: 'tone' | 'silent' | number
}

export type ClipOptions = {
  readonly segmentSec: number
  readonly fps: number
  /** `WIDTHxHEIGHT`. */
  readonly size: string
  readonly container: 'ts' | 'fmp4'
  /** Seconds between keyframes, a divisor of `segmentSec`; default `segmentSec`. */
  readonly gopSec?: number
  readonly bFrames?: number
  /** Bit rate of the picture; by default unlimited. */
  readonly videoKbps?: number
  /** The x264 preset; default `ultrafast`, which also decodes fast. `veryfast` resembles a broadcast. */
  readonly preset?: 'ultrafast' | 'veryfast'
  readonly withVideo?: boolean
  readonly withAudio?: boolean
  readonly ffmpegPath?: string
}

type ClipSegment = { readonly durationSec: number; readonly path: string; readonly name: string }

/** A clip cut into HLS segments, in a folder of its own; disposing of the clip removes the folder. */
export type Clip = AsyncDisposable & {
  readonly dir: string
  readonly segments: readonly ClipSegment[]
  /** The initialization segment of an fMP4 clip. */
  readonly initPath: string | null
  readonly targetDurationSec: number
}

const PLAYLIST = 'index.m3u8'
/** What a repeated clip is made of, for ffmpeg's concat demuxer, and its playlist. */
const ROUNDS = 'rounds.txt'
const REPEATED_PLAYLIST = 'repeated.m3u8'
const INIT = 'init.mp4'
const TONE_DBFS = -18
const ENCODE_TIMEOUT_MS = 120_000

/**
 * Encodes a synthetic clip. A frame or sample belongs to the part that contains its time, so that all edges are exact:
 * a part's picture begins with the first frame at or after the part's start.
 * @throws Error where ffmpeg fails
 */
export async function makeClip(parts: readonly ClipPart[], options: ClipOptions): Promise<Clip> {
  const dir = await mkdtemp(join(tmpdir(), 'tallylight-clip-'))
  try {
    const run = { timeoutMs: ENCODE_TIMEOUT_MS, cwd: dir }
    await runFfmpeg(options.ffmpegPath ?? 'ffmpeg', buildClipArgs(parts, options), run)
  } catch (error) {
    await rm(dir, { recursive: true })
    throw error
  }
  return {
    dir,
    ...(await readPlaylist(dir, PLAYLIST)),
    initPath: options.container === 'fmp4' ? join(dir, INIT) : null,
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true }),
  }
}

/**
 * Repeats a clip in transport streams within its folder. Its timestamps go on, so that a decoder does too. Only `clip` is to be
 * disposed of.
 * @throws Error where ffmpeg fails
 */
export async function repeatClip(clip: Clip, times: number): Promise<Clip> {
  const rounds = Array.from({ length: times }, () => clip.segments.map(({ name }) => `file '${name}'\n`))
  await writeFile(join(clip.dir, ROUNDS), rounds.flat().join(''))
  const args = [
    ['-nostdin', '-v', 'error', '-f', 'concat', '-i', ROUNDS, '-c', 'copy', '-f', 'hls'],
    ['-hls_time', String(clip.targetDurationSec), '-hls_playlist_type', 'vod'],
    ['-hls_segment_filename', 'repeated-%05d.ts', REPEATED_PLAYLIST],
  ].flat()
  await runFfmpeg('ffmpeg', args, { timeoutMs: ENCODE_TIMEOUT_MS, cwd: clip.dir })
  return { ...clip, ...(await readPlaylist(clip.dir, REPEATED_PLAYLIST)) }
}

async function readPlaylist(dir: string, file: string): Promise<Pick<Clip, 'segments' | 'targetDurationSec'>> {
  const playlist = await readFile(join(dir, file), 'utf8')
  const segments = Array.from(playlist.matchAll(/#EXTINF:([\d.]+),\n(.+)/g), ([, duration = '', name = '']) => {
    return { durationSec: Number(duration), name, path: join(dir, name) }
  })
  return { segments, targetDurationSec: Number(/#EXT-X-TARGETDURATION:(\d+)/.exec(playlist)?.[1]) }
}

function buildClipArgs(parts: readonly ClipPart[], options: ClipOptions): string[] {
  const { withVideo = true, withAudio = true } = options
  const isTs = options.container === 'ts'
  return [
    ['-nostdin', '-v', 'error', '-filter_threads', '1'],
    withVideo ? ['-f', 'lavfi', '-i', buildPictureSource(parts, options)] : [],
    withAudio ? ['-f', 'lavfi', '-i', buildSoundSource(parts)] : [],
    withVideo ? buildPictureEncoding(options) : [],
    withAudio ? ['-c:a', 'aac', '-b:a', '96k'] : [],
    ['-f', 'hls', '-hls_time', String(options.segmentSec), '-hls_playlist_type', 'vod'],
    ['-hls_segment_type', isTs ? 'mpegts' : 'fmp4', '-hls_fmp4_init_filename', INIT],
    ['-hls_segment_filename', isTs ? '%05d.ts' : '%05d.m4s', PLAYLIST],
  ].flat()
}

function buildPictureEncoding(options: ClipOptions): string[] {
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

/** The colour that covers a part's picture. */
const COVERS = { normal: null, black: 'black', dark: '0x2a2a2a', still: '0x5078a0', fading: 'white' } as const

function buildPictureSource(parts: readonly ClipPart[], { fps, size }: ClipOptions): string {
  const covers = withConditions(parts).flatMap(({ part, condition, startSec }) => {
    const color = COVERS[part.video ?? 'normal']
    const fade = `fade=t=out:st=${startSec.toFixed(7)}:d=${part.sec}:enable='${condition}'`
    return [
      color === null ? [] : [`drawbox=c=${color}:t=fill:enable='${condition}'`],
      part.video === 'fading' ? [fade] : [],
    ].flat()
  })
  return [`testsrc2=s=${size}:r=${fps}:d=${sumSec(parts)}`, ...covers].join(',')
}

function buildSoundSource(parts: readonly ClipPart[]): string {
  const terms = withConditions(parts).map(({ part, condition }) => `${toAmplitude(part.audio ?? 'tone')}*${condition}`)
  return `aevalsrc='sin(2*PI*440*t)*(${terms.join('+')})':s=48000:d=${sumSec(parts)}`
}

/** Converts a part's sound to its peak amplitude, from 0 to 1. */
function toAmplitude(audio: NonNullable<ClipPart['audio']>): number {
  if (audio === 'silent') return 0
  return 10 ** ((audio === 'tone' ? TONE_DBFS : audio) / 20)
}

/** Returns each part with an ffmpeg expression that is 1 within it. Half a microsecond absorbs rounding errors. */
function withConditions(parts: readonly ClipPart[]): { part: ClipPart; condition: string; startSec: number }[] {
  return parts.map((part, index) => {
    const startSec = sumSec(parts.slice(0, index)) - 5e-7
    const endSec = startSec + part.sec
    return { part, startSec, condition: `gte(t,${startSec.toFixed(7)})*lt(t,${endSec.toFixed(7)})` }
  })
}

function sumSec(parts: readonly ClipPart[]): number {
  return parts.reduce((sum, part) => sum + part.sec, 0)
}
