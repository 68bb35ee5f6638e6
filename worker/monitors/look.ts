import type { MonitorConfig } from '../../shared/contract/monitors.ts'
import { type Media, runFfmpeg } from '../platform/ffmpeg.ts'
import type { Detector } from './detectors/detector.ts'
import {
  type Depth,
  parseReading,
  type Reading,
  readingArgs,
  type Side,
  sideWithoutPackets,
  type Track,
} from './reading.ts'
import { type Extents, lengthSec, segmentExtents } from './spans.ts'

/** A segment as far as its decoding goes. */
export type TimedMedia = Media & { readonly durationSec: number }

/** One run of ffmpeg over a segment, and where on its clock the segment lies for each side. */
export type View = {
  readonly kind: 'view'
  readonly reading: Reading
  readonly extents: Extents
  readonly durationSec: number
}
export type LookFailed = { readonly kind: 'failed'; readonly error: string }

/** Looks at a segment as closely as it is told to: in one run, and one more for a side that is declared and not there. */
export type Look = (segment: TimedMedia, depth: Depth) => Promise<View | LookFailed>

/** A segment of which less than this share is there was cut off on its way. */
const MIN_SHARE = 0.5

type LookOptions = {
  readonly ffmpegPath: string
  readonly config: MonitorConfig
  readonly detectors: readonly Detector[]
  /** Wall-clock time by which all looks must be over, on the clock of `performance.now()`. */
  readonly deadlineMs: number
  readonly signal: AbortSignal
}

export function createLook({ ffmpegPath, config, detectors, deadlineMs, signal }: LookOptions): Look {
  async function lookFor(sides: readonly Side[], segment: TimedMedia, depth: Depth): Promise<View | LookFailed> {
    const timeoutMs = Math.max(1, deadlineMs - performance.now())
    const run = { timeoutMs, signal, ...readingArgs(detectors, config, { depth, sides }) }
    const result = await runFfmpeg(ffmpegPath, segment, run)
    if (result.kind === 'done') return toView(parseReading(result, detectors), segment.durationSec, depth)
    const missing = sideWithoutPackets(result.error)
    const others = sides.filter((side) => side !== missing)
    if (others.length === sides.length) return result
    return others.length === 0 ? failed(NOTHING) : lookFor(others, segment, depth)
  }

  return (segment, depth) => lookFor(['picture', 'sound'], segment, depth)
}

const NOTHING = 'segment holds neither picture nor sound'

/** A reading that can be judged, or why it cannot. */
function toView(reading: Reading, durationSec: number, depth: Depth): View | LookFailed {
  const extents = segmentExtents(reading, durationSec)
  if (extents === null) return failed(NOTHING)
  if (depth.picture === 'all' && isUndecodable(reading.picture)) return failed('picture cannot be decoded')
  if (depth.sound && isUndecodable(reading.sound)) return failed('sound cannot be decoded')
  const presentSec = lengthSec(extents.picture)
  if (presentSec >= durationSec * MIN_SHARE) return { kind: 'view', reading, extents, durationSec }
  return failed(`segment holds ${presentSec.toFixed(1)} of its ${durationSec.toFixed(1)} s`)
}

function isUndecodable({ packets, frames }: Track): boolean {
  return packets.length > 0 && frames.length === 0
}

function failed(error: string): LookFailed {
  return { kind: 'failed', error }
}
