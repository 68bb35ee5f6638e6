import type { MonitorConfig } from '../../../shared/contract/monitors.ts'
import type { FfmpegOptions } from '../../media/ffmpeg.ts'
import type { TrackKind } from '../stream.ts'
import type { Detector } from './detectors/detector.ts'

/** Output of one ffmpeg run over a segment. Times are in seconds on ffmpeg's clock, which starts near 0 in each run. */
export type DecoderOutput = {
  readonly picture: TrackOutput
  readonly sound: TrackOutput
  /** The lesser of the picture's height and width; 0 without a picture. */
  readonly lines: number
}

/** Output for one track. It has no packets where the segment lacks the track, and no frames where none were decoded. */
export type TrackOutput = {
  /** In decoding order, as stored. */
  readonly packets: readonly StoredPacket[]
  /** Presentation time of each decoded frame. */
  readonly frames: readonly number[]
  /** Starts and ends of spans, by the detector's name. */
  readonly marks: Readonly<Record<string, readonly DetectionMark[]>>
}
type StoredPacket = { readonly sec: number; readonly isKey: boolean }
export type DetectionMark = { readonly sec: number; readonly isStart: boolean }

/** How much to decode: every frame of the picture, its keyframes or none of it; the sound or not. */
export type DecodeDepth = { readonly picture: 'all' | 'key' | null; readonly sound: boolean }

/** Arguments that select the first track of a kind, if any. `V` leaves out attached cover pictures. */
const MAPS = { picture: ['-map', '0:V:0?'], sound: ['-map', '0:a:0?'] } as const

/**
 * Returns the ffmpeg arguments that print the packets, frames and detector marks of a segment. Each writer has its own
 * pipe, so that lines do not mix: stored packets (format `framecrc`) on stdout, then the picture, then the sound.
 */
export function buildDecoderArgs(
  detectors: readonly Detector[],
  config: MonitorConfig,
  { depth, tracks }: { readonly depth: DecodeDepth; readonly tracks: readonly TrackKind[] },
): Pick<FfmpegOptions, 'inputArgs' | 'outputArgs' | 'pipes'> {
  const filters = (track: TrackKind) =>
    detectors.filter((detector) => detector.track === track).map((detector) => detector.filter(config))
  const picture = [...filters('picture'), ...buildPrintFilters('metadata', 3)].join(',')
  const sound = [...filters('sound'), ...buildPrintFilters('ametadata', 4)].join(',')
  const decoded = [
    depth.picture !== null && tracks.includes('picture') ? [...MAPS.picture, '-vf', picture] : [],
    depth.sound && tracks.includes('sound') ? [...MAPS.sound, '-af', sound] : [],
  ].flat()
  return {
    pipes: 2,
    inputArgs: depth.picture === 'key' ? ['-skip_frame', 'nokey'] : [],
    outputArgs: [
      // An output without a map would take tracks of ffmpeg's choice.
      decoded.length === 0 ? [] : [...decoded, '-f', 'null', '-'],
      [...tracks.flatMap((track) => MAPS[track]), '-c', 'copy', '-copyinkf', '-f', 'framecrc', 'pipe:1'],
    ].flat(),
  }
}

/** Returns filters that mark every frame and print it: ffmpeg prints frames with metadata only. */
function buildPrintFilters(filter: 'metadata' | 'ametadata', pipe: number): string[] {
  return [`${filter}=mode=add:key=decoded:value=1`, `${filter}=mode=print:file=pipe\\\\:${pipe}`]
}

/** Parses what a run with `buildDecoderArgs` has printed. */
export function parseDecoderOutput(
  output: { readonly stdout: string; readonly pipes: readonly string[] },
  detectors: readonly Detector[],
): DecoderOutput {
  const stored = parsePackets(output.stdout)
  const [picture = '', sound = ''] = output.pipes
  return {
    lines: stored.lines,
    picture: { packets: stored.video, ...parseFrames(picture, detectors) },
    sound: { packets: stored.audio, ...parseFrames(sound, detectors) },
  }
}

/** Errors of `framecrc` about a track that is declared but has no packet that describes it. */
const NO_PACKETS = new Map<string, TrackKind>([
  ['dimensions not set', 'picture'],
  ['sample rate not set', 'sound'],
])

/** Returns the declared track whose packets are missing, if a run failed for that reason; otherwise `null`. */
export function findTrackWithoutPackets(error: string): TrackKind | null {
  return NO_PACKETS.get(error) ?? null
}

/** Stream, dts, pts, duration, size, checksum, and flags where they are other than "keyframe". */
const PACKET = /^(\d+), *-?\w+, *(-?\d+), *-?\d+, *\d+, *0x\w+(?:, F=0x(\w+))?/gm
const STREAM = /^#media_type (\d+): (\w+)$/gm
const TIME_BASE = /^#tb (\d+): (\d+)\/(\d+)$/gm
const DIMENSIONS = /^#dimensions \d+: (\d+)x(\d+)$/m
const KEY_FLAG = 1

function parsePackets(text: string): { video: StoredPacket[]; audio: StoredPacket[]; lines: number } {
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

/** Parses the lines of the print filters: for each frame a line with its time, then one line per metadata key. */
function parseFrames(text: string, detectors: readonly Detector[]): Pick<TrackOutput, 'frames' | 'marks'> {
  const frames: number[] = []
  const marks: Record<string, DetectionMark[]> = Object.fromEntries(detectors.map((detector) => [detector.name, []]))
  for (const line of text.split('\n')) {
    const frame = FRAME.exec(line)
    if (frame !== null) frames.push(Number(frame[1]))
    const [, key, value] = VALUE.exec(line) ?? []
    const detector = detectors.find(({ startKey, endKey }) => key === startKey || key === endKey)
    if (detector !== undefined) marks[detector.name]?.push({ sec: Number(value), isStart: key === detector.startKey })
  }
  return { frames, marks }
}
