import type { MonitorConfig } from '../../shared/contract/monitors.ts'
import type { FfmpegRun } from '../platform/ffmpeg.ts'
import type { Detector } from './detectors/detector.ts'

/**
 * What one run of ffmpeg tells of a segment, in seconds on ffmpeg's own clock, which starts near 0 with each run.
 * A track that the segment does not carry has no packets; one that was not asked for, no frames.
 */
export type Reading = {
  readonly picture: Track
  readonly sound: Track
  /** Height or width of the picture, whichever is less; 0 without picture. */
  readonly lines: number
}

export type Track = {
  /** As they are stored, in the order of decoding. */
  readonly packets: readonly Packet[]
  /** When each frame that was decoded is shown. */
  readonly frames: readonly number[]
  /** By detector: when runs begin, and when they are over. */
  readonly marks: Readonly<Record<string, readonly Mark[]>>
}
type Packet = { readonly sec: number; readonly isKey: boolean }
export type Mark = { readonly sec: number; readonly isStart: boolean }

export type Side = Detector['side']

/** What to decode: every frame or key frames of the picture, and the sound or not. */
export type Depth = { readonly picture: 'all' | 'key' | null; readonly sound: boolean }

/** The first track of a kind, where there is one; a cover picture is none. */
const MAPS = { picture: ['-map', '0:V:0?'], sound: ['-map', '0:a:0?'] } as const

/**
 * Arguments for one run over the sides that may be there, and how its output is read. Each writer has a pipe of its
 * own, so that their lines cannot mix: stored packets (as `framecrc` lists them) on stdout, then picture, then sound.
 */
export function readingArgs(
  detectors: readonly Detector[],
  config: MonitorConfig,
  { depth, sides }: { readonly depth: Depth; readonly sides: readonly Side[] },
): Pick<FfmpegRun, 'inputArgs' | 'outputArgs' | 'pipes'> {
  const filters = (side: Side) =>
    detectors.filter((detector) => detector.side === side).map((detector) => detector.filter(config))
  const picture = [...filters('picture'), ...print('metadata', 3)].join(',')
  const sound = [...filters('sound'), ...print('ametadata', 4)].join(',')
  const decoded = [
    depth.picture !== null && sides.includes('picture') ? [...MAPS.picture, '-vf', picture] : [],
    depth.sound && sides.includes('sound') ? [...MAPS.sound, '-af', sound] : [],
  ].flat()
  return {
    pipes: 2,
    inputArgs: depth.picture === 'key' ? ['-skip_frame', 'nokey'] : [],
    outputArgs: [
      // Without a map ffmpeg would take what it likes.
      decoded.length === 0 ? [] : [...decoded, '-f', 'null', '-'],
      [...sides.flatMap((side) => MAPS[side]), '-c', 'copy', '-copyinkf', '-f', 'framecrc', 'pipe:1'],
    ].flat(),
  }
}

/** Marks every frame, since only frames with metadata are printed, and prints them. */
function print(filter: 'metadata' | 'ametadata', pipe: number): string[] {
  return [`${filter}=mode=add:key=decoded:value=1`, `${filter}=mode=print:file=pipe\\\\:${pipe}`]
}

export function parseReading(
  output: { readonly stdout: string; readonly pipes: readonly string[] },
  detectors: readonly Detector[],
): Reading {
  const stored = parsePackets(output.stdout)
  const [picture = '', sound = ''] = output.pipes
  return {
    lines: stored.lines,
    picture: { packets: stored.video, ...parseFrames(picture, detectors) },
    sound: { packets: stored.audio, ...parseFrames(sound, detectors) },
  }
}

/** What `framecrc` complains of where a side is declared and no packet tells what it is. */
const NO_PACKETS = new Map<string, Side>([
  ['dimensions not set', 'picture'],
  ['sample rate not set', 'sound'],
])

/** The side that a run failed for because it is declared and does not come; `null` where it failed for another reason. */
export function sideWithoutPackets(error: string): Side | null {
  return NO_PACKETS.get(error) ?? null
}

/** Stream, dts, pts, duration, size, checksum, and flags where they are other than "key frame". */
const PACKET = /^(\d+), *-?\w+, *(-?\d+), *-?\d+, *\d+, *0x\w+(?:, F=0x(\w+))?/gm
const STREAM = /^#media_type (\d+): (\w+)$/gm
const TIME_BASE = /^#tb (\d+): (\d+)\/(\d+)$/gm
const DIMENSIONS = /^#dimensions \d+: (\d+)x(\d+)$/m
const KEY_FLAG = 1

function parsePackets(text: string): { video: Packet[]; audio: Packet[]; lines: number } {
  const types = new Map(Array.from(text.matchAll(STREAM), ([, stream, type]) => [stream, type]))
  const secPerTick = new Map(
    Array.from(text.matchAll(TIME_BASE), ([, stream, ticks, base]) => [stream, Number(ticks) / Number(base)]),
  )
  const packets = Array.from(text.matchAll(PACKET), ([, stream, pts, flags = String(KEY_FLAG)]) => ({
    type: types.get(stream),
    sec: Number(pts) * (secPerTick.get(stream) ?? Number.NaN),
    isKey: (Number.parseInt(flags, 16) & KEY_FLAG) !== 0,
  }))
  const [, width, height] = DIMENSIONS.exec(text) ?? [0, 0, 0]
  return {
    video: packets.filter(({ type }) => type === 'video'),
    audio: packets.filter(({ type }) => type === 'audio'),
    lines: Math.min(Number(width), Number(height)),
  }
}

const FRAME = /^frame:.* pts_time:(\S+)$/
const VALUE = /^([\w.]+)=(\S+)$/

/** Reads what the print filters wrote: for each frame a line with its time, then one for each key and value. */
function parseFrames(text: string, detectors: readonly Detector[]): Pick<Track, 'frames' | 'marks'> {
  const frames: number[] = []
  const marks: Record<string, Mark[]> = Object.fromEntries(detectors.map((detector) => [detector.name, []]))
  for (const line of text.split('\n')) {
    const frame = FRAME.exec(line)
    if (frame !== null) frames.push(Number(frame[1]))
    const [, key, value] = VALUE.exec(line) ?? []
    const detector = detectors.find(({ startKey, endKey }) => key === startKey || key === endKey)
    if (detector !== undefined) marks[detector.name]?.push({ sec: Number(value), isStart: key === detector.startKey })
  }
  return { frames, marks }
}
