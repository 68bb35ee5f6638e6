import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { runFfmpeg } from './run-ffmpeg.ts'

export type SourceMediaOptions = {
  /** Default 1. */
  readonly sec?: number
  /** `WIDTHxHEIGHT`, default 320x180. */
  readonly size?: string
  /** Frame rate in ffmpeg's syntax, default 30. */
  readonly fps?: string
}

/** A track: ffmpeg's lavfi source, and the options of its filters and encoder. */
type SourceTrack = { readonly source: string; readonly args: readonly string[] }

type Recipe = {
  readonly file: string
  readonly video?: (of: Required<SourceMediaOptions>) => SourceTrack
  readonly audio?: (of: Required<SourceMediaOptions>) => SourceTrack
  /** ffmpeg options of the file. */
  readonly args?: readonly string[]
}

const TIMEOUT_MS = 60_000
const X264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p']
const MASTERING = 'master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1):max-cll=1000,400'
/** PQ with BT.2020 colours and mastering display metadata. */
const HDR = [
  ['-c:v', 'libx265', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p10le', '-tag:v', 'hvc1'],
  ['-color_primaries', 'bt2020', '-color_trc', 'smpte2084', '-colorspace', 'bt2020nc'],
  ['-x265-params', `log-level=error:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:${MASTERING}`],
].flat()
const AAC = ['-c:a', 'aac', '-b:a', '96k']

/** Returns a moving picture whose four directions differ. */
function picture(args: readonly string[] = X264) {
  return ({ sec, size, fps }: Required<SourceMediaOptions>): SourceTrack => ({
    source: `testsrc2=s=${size}:r=${fps}:d=${sec}`,
    args,
  })
}

/** Returns a tone on every channel, each with its own pitch. */
function tones(layout: { channels: number; name: string; rate: number }, args: readonly string[] = AAC) {
  return waves(
    layout,
    Array.from({ length: layout.channels }, (_, i) => `0.2*sin(2*PI*${440 + i * 110}*t)`),
    args,
  )
}

/** Returns sound with one formula for each channel's wave. */
function waves(layout: { name: string; rate: number }, formulas: readonly string[], args: readonly string[]) {
  return ({ sec }: Required<SourceMediaOptions>): SourceTrack => ({
    source: `aevalsrc='${formulas.join('|')}':c=${layout.name}:s=${layout.rate}:d=${sec}`,
    args,
  })
}

const STEREO = { channels: 2, name: 'stereo', rate: 48_000 }
const stereo = tones(STEREO)

const RECIPES = {
  plain: { file: 'plain.mp4', video: picture(), audio: stereo },
  'no-sound': { file: 'no-sound.mp4', video: picture() },
  'no-picture': { file: 'no-picture.m4a', audio: stereo },
  /** MP3 with a cover, which is not video. */
  cover: {
    file: 'cover.mp3',
    video: ({ size }) => ({
      source: `testsrc2=s=${size}:r=1:d=1`,
      args: ['-c:v', 'png', '-disposition:v', 'attached_pic'],
    }),
    audio: tones(STEREO, ['-c:a', 'libmp3lame']),
  },
  /** Filmed with an upright phone: stored in landscape, displayed after a quarter turn clockwise. */
  rotated: { file: 'rotated.mp4', video: picture(), audio: stereo },
  /** One pixel wider and taller than `size`. */
  odd: {
    file: 'odd.mkv',
    video: picture(['-vf', 'scale=iw+1:ih+1,setsar=1', '-c:v', 'mpeg4', '-q:v', '5']),
    audio: stereo,
  },
  /** Pixels are a third wider than tall: 240x180 is displayed as 320x180. */
  anamorphic: { file: 'anamorphic.mp4', video: picture([...X264, '-vf', 'setsar=4/3']), audio: stereo },
  interlaced: {
    file: 'interlaced.ts',
    video: ({ sec, size }) => ({
      source: `testsrc2=s=${size}:r=50:d=${sec}`,
      args: ['-vf', 'interlace=scan=tff', ...X264, '-flags', '+ilme+ildct', '-x264-params', 'tff=1'],
    }),
    audio: stereo,
  },
  /** Interlaced like `interlaced`, and displayed after a quarter turn like `rotated`. */
  'interlaced-rotated': {
    file: 'interlaced-rotated.mov',
    video: ({ sec, size }) => ({
      source: `testsrc2=s=${size}:r=50:d=${sec}`,
      args: ['-vf', 'interlace=scan=tff', ...X264, '-flags', '+ilme+ildct', '-x264-params', 'tff=1'],
    }),
    audio: stereo,
  },
  'ten-bit': { file: 'ten-bit.mkv', video: picture([...X264.slice(0, 4), '-pix_fmt', 'yuv420p10le']), audio: stereo },
  hdr: {
    file: 'hdr.mp4',
    video: picture(HDR),
    audio: stereo,
  },
  /** Frame durations of one, two or three sixtieths of a second; about 30 frames a second. */
  'variable-rate': {
    file: 'variable-rate.mkv',
    video: ({ sec, size }) => ({
      source: `testsrc2=s=${size}:r=60:d=${sec}`,
      args: ['-vf', "select='not(mod(n,3))+eq(mod(n,5),2)'", '-fps_mode', 'vfr', ...X264],
    }),
    audio: stereo,
  },
  mono: { file: 'mono.mp4', video: picture(), audio: tones({ channels: 1, name: 'mono', rate: 48_000 }) },
  surround: { file: 'surround.mkv', video: picture(), audio: tones({ channels: 6, name: '5.1', rate: 48_000 }) },
  /** All channels in phase, near full scale. */
  'loud-surround': {
    file: 'loud-surround.mkv',
    video: picture(),
    audio: waves(
      { name: '5.1', rate: 48_000 },
      Array.from({ length: 6 }, () => '0.9*sin(2*PI*440*t)'),
      ['-c:a', 'ac3'],
    ),
  },
  '44100': { file: '44100.mp4', video: picture(), audio: tones({ ...STEREO, rate: 44_100 }) },
  '22050': { file: '22050.mp4', video: picture(), audio: tones({ ...STEREO, rate: 22_050 }) },
  /** A single keyframe. */
  'long-gop': { file: 'long-gop.mp4', video: picture([...X264, '-g', '9999', '-bf', '3']), audio: stereo },
  /** A scene cut every 0.7 s. */
  cuts: {
    file: 'cuts.mp4',
    video: picture([...X264, '-vf', "negate=enable='mod(floor(t/0.7),2)'"]),
    audio: stereo,
  },
  ts: { file: 'plain.ts', video: picture(), audio: stereo },
  mkv: { file: 'plain.mkv', video: picture(), audio: stereo },
  webm: {
    file: 'plain.webm',
    video: picture(['-c:v', 'libvpx', '-deadline', 'realtime', '-cpu-used', '8', '-b:v', '500k']),
    audio: tones(STEREO, ['-c:a', 'libopus']),
  },
  /** Like a browser's recording: no duration, and a meaningless frame rate. */
  recorded: {
    file: 'recorded.webm',
    video: picture(['-c:v', 'libvpx', '-deadline', 'realtime', '-cpu-used', '8', '-b:v', '500k']),
    audio: tones(STEREO, ['-c:a', 'libopus']),
    args: ['-live', '1', '-seekable', '0'],
  },
  gif: { file: 'plain.gif', video: picture(['-c:v', 'gif']) },
  /** The picture begins 0.4 s after the sound. */
  'late-picture': {
    file: 'late-picture.mkv',
    video: picture([...X264, '-vf', 'setpts=PTS+0.4/TB']),
    audio: stereo,
  },
  /** The sound begins 0.4 s after the picture and ends with it. */
  'late-sound': { file: 'late-sound.mkv', video: picture(), audio: filterStereo('atrim=start=0.4') },
  /** The picture ends at half of the sound. */
  'short-picture': {
    file: 'short-picture.mp4',
    video: ({ sec, ...rest }) => picture()({ sec: sec / 2, ...rest }),
    audio: stereo,
  },
} satisfies Record<string, Recipe>

function filterStereo(filter: string) {
  return (of: Required<SourceMediaOptions>): SourceTrack => ({ ...stereo(of), args: ['-af', filter, ...AAC] })
}

export type SourceMediaKind = keyof typeof RECIPES

/**
 * Encodes a small media file into a folder and returns its path. A file of the same kind is overwritten.
 * @throws Error where ffmpeg fails
 */
export async function makeSourceMedia(
  dir: string,
  kind: SourceMediaKind,
  options: SourceMediaOptions = {},
): Promise<string> {
  const recipe: Recipe = RECIPES[kind]
  const of = { sec: 1, size: '320x180', fps: '30', ...options }
  const tracks = [recipe.video?.(of), recipe.audio?.(of)].filter((track) => track !== undefined)
  const args = [
    ['-nostdin', '-v', 'error', '-y'],
    tracks.flatMap(({ source }) => ['-f', 'lavfi', '-i', source]),
    tracks.flatMap((_, i) => ['-map', String(i)]),
    tracks.flatMap((track) => track.args),
    recipe.args ?? [],
    [recipe.file],
  ].flat()
  await runFfmpeg('ffmpeg', args, { timeoutMs: TIMEOUT_MS, cwd: dir })
  const path = join(dir, recipe.file)
  if (kind === 'rotated' || kind === 'interlaced-rotated') await writeDisplayMatrix(path, [0, 1, -1, 0])
  return path
}

type DisplayMatrix = readonly [a: number, b: number, c: number, d: number]

/**
 * Writes a display matrix into the header of an MP4's first track, because ffmpeg's option depends on its version. The
 * matrix is 36 bytes at offset 40 of the tkhd box (ISO/IEC 14496-12 §8.3.2); 0 1 −1 0 is a clockwise quarter turn.
 */
export async function writeDisplayMatrix(path: string, [a, b, c, d]: DisplayMatrix): Promise<void> {
  const bytes = await readFile(path)
  const matrixAt = bytes.indexOf('tkhd') + 4 + 40
  const height = bytes.readUInt32BE(matrixAt + 40)
  const [ONE, LAST] = [0x00_01_00_00, 0x40_00_00_00]
  const matrix = [a * ONE, b * ONE, 0, c * ONE, d * ONE, 0, height, 0, LAST]
  for (const [i, value] of matrix.entries()) bytes.writeInt32BE(Math.round(value), matrixAt + i * 4)
  await writeFile(path, bytes)
}
