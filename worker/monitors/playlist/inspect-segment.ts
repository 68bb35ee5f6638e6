import type { SegmentProbe } from '../analyze/analyze-segment.ts'
import type { MonitorContext } from '../monitor-context.ts'
import type { RenditionProgress } from '../state/observation.ts'
import type { SegmentFetch, StreamSegment } from '../stream.ts'

export type SegmentInspection = {
  readonly segment: StreamSegment
  readonly fetched: Extract<SegmentFetch, { readonly kind: 'ok' }>
  /** Start of the fetch, in ms since 1970. */
  readonly beganMs: number
  /** Cursor of the rendition after this segment. */
  readonly progress: RenditionProgress
  /** Stream time of the segment's start, in ms since 1970. */
  readonly startMs: number
  readonly isAfterGap: boolean
  /** By the playlist it directly follows the last one that was analyzed, whatever its date-time says. */
  readonly isContinuous: boolean
  readonly probe: SegmentProbe
}

/** Analyzes a fetched segment and observes the result. Returns whether it was analyzed. */
export async function inspectSegment(inspection: SegmentInspection, context: MonitorContext): Promise<boolean> {
  const { segment, fetched, beganMs, progress, startMs, isAfterGap, isContinuous, probe } = inspection
  const { monitor, lifetime, clock, log } = context
  const { tracks } = progress
  const { durationSec, sequence } = segment
  const logFields = { sequence, sides: tracks }
  const { bytes, map, isTruncated } = fetched
  if (isTruncated) log.warn('segment exceeds SEGMENT_MAX_BYTES, analyzing its beginning', logFields)
  const fetchedMs = clock.nowMs()
  const analysis = await probe.analyze({ bytes, map, durationSec, tracks, isAfterGap }, lifetime.killed)
  if (lifetime.killed.aborted) return false
  const atMs = clock.nowMs()
  if (analysis.kind === 'failed') {
    log.warn('segment could not be fetched or decoded', { ...logFields, error: analysis.error })
    monitor.observe({ kind: 'segment_failed', atMs, beganMs, progress, error: analysis.error })
    return false
  }
  const { findings } = analysis
  const isDated = segment.programDateTimeMs !== null
  const analyzed = { sequence, durationSec, isDated, startMs, isContinuous: isContinuous && !isAfterGap }
  monitor.observe({ kind: 'segment', atMs, progress, segment: analyzed, findings })
  const took = { fetch_ms: fetchedMs - beganMs, analysis_ms: atMs - fetchedMs }
  log.debug('segment analyzed', { ...logFields, bytes: bytes.length, ...took, findings })
  return true
}
