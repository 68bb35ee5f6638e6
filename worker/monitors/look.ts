import type { MonitorConfig } from '../../shared/contract/monitors.ts'
import { type Media, runFfmpeg } from '../platform/ffmpeg.ts'
import type { Detector } from './detectors/detector.ts'
import { type Depth, parseReading, type Reading, readingArgs, type Track } from './reading.ts'
import { type Extent, segmentExtent } from './spans.ts'

/** A segment as far as its decoding goes. */
export type TimedMedia = Media & { readonly durationSec: number }

/** One run of ffmpeg over a segment, and where on its clock the segment lies. */
export type View = {
  readonly kind: 'view'
  readonly reading: Reading
  readonly extent: Extent
  readonly durationSec: number
}
export type LookFailed = { readonly kind: 'failed'; readonly error: string }

/** Looks at a segment once, as closely as it is told to. */
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
  return async (segment, depth) => {
    const timeoutMs = Math.max(1, deadlineMs - performance.now())
    const run = { timeoutMs, signal, ...readingArgs(detectors, config, depth) }
    const result = await runFfmpeg(ffmpegPath, segment, run)
    return result.kind === 'failed' ? result : toView(parseReading(result, detectors), segment.durationSec, depth)
  }
}

/** A reading that can be judged, or why it cannot. */
function toView(reading: Reading, durationSec: number, depth: Depth): View | LookFailed {
  const extent = segmentExtent(reading)
  if (extent === null) return failed('segment holds neither picture nor sound')
  if (depth.picture === 'all' && isUndecodable(reading.picture)) return failed('picture cannot be decoded')
  if (depth.sound && isUndecodable(reading.sound)) return failed('sound cannot be decoded')
  const presentSec = extent.toSec - extent.fromSec
  if (presentSec >= durationSec * MIN_SHARE) return { kind: 'view', reading, extent, durationSec }
  return failed(`segment holds ${presentSec.toFixed(1)} of its ${durationSec.toFixed(1)} s`)
}

function isUndecodable({ packets, frames }: Track): boolean {
  return packets.length > 0 && frames.length === 0
}

function failed(error: string): LookFailed {
  return { kind: 'failed', error }
}
