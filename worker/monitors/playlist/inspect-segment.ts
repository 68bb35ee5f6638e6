import type { SegmentProbe } from '../analyze/analyze-segment.ts'
import type { SegmentFindings } from '../analyze/findings.ts'
import type { MonitorContext } from '../monitor-context.ts'
import type { RenditionProgress } from '../state/observation.ts'
import type { StreamSegment } from '../stream.ts'
import { downloadSegment } from './download-segment.ts'

export type SegmentInspection = {
  readonly segment: StreamSegment
  /** Cursor of the rendition after this segment. */
  readonly progress: RenditionProgress
  /** Stream time of the segment's start, in ms since 1970. */
  readonly startMs: number
  readonly isAfterGap: boolean
  readonly probe: SegmentProbe
}

/** Downloads and analyzes a segment and observes the result. Returns whether it was analyzed. */
export async function inspectSegment(inspection: SegmentInspection, context: MonitorContext): Promise<boolean> {
  const { segment, progress, startMs, isAfterGap, probe } = inspection
  const { monitor, lifetime, clock, log } = context
  const { tracks } = progress
  const { durationSec, sequence } = segment
  const logFields = { sequence, sides: tracks }
  const beganMs = clock.nowMs()
  const fail = (error: string) => {
    log.warn('segment could not be fetched or decoded', { ...logFields, error })
    monitor.observe({ kind: 'segment_failed', atMs: clock.nowMs(), beganMs, progress, error })
    return false
  }
  const fetched = await downloadSegment(segment, context, (attempt) =>
    monitor.observe({ kind: 'attempt_failed', atMs: clock.nowMs(), tracks, ...attempt }),
  )
  if (lifetime.stopping.aborted) return false
  if (fetched.kind === 'failed') return fail(fetched.failure.message)
  const { bytes, map, isTruncated } = fetched
  if (isTruncated) log.warn('segment exceeds SEGMENT_MAX_BYTES, analyzing its beginning', logFields)
  const fetchedMs = clock.nowMs()
  const downloaded = { bytes, map, durationSec, tracks, isAfterGap, isTruncated }
  const analysis = await probe.analyze(downloaded, lifetime.killed)
  if (lifetime.killed.aborted) return false
  if (analysis.kind === 'failed') return fail(analysis.error)
  const atMs = clock.nowMs()
  const { findings, pictures } = analysis
  logUndecodable(findings, context, logFields)
  const analyzed = { sequence, durationSec: analysis.durationSec, isDated: segment.programDateTimeMs !== null, startMs }
  monitor.observe({ kind: 'segment', atMs, progress, segment: analyzed, findings })
  const took = { fetch_ms: fetchedMs - beganMs, analysis_ms: atMs - fetchedMs }
  log.debug('segment analyzed', { ...logFields, bytes: bytes.length, pictures, ...took, findings })
  return true
}

/** Logs each track that cannot be decoded, once until it can. */
function logUndecodable(
  { picture, sound }: SegmentFindings,
  { monitor, log }: MonitorContext,
  logFields: Readonly<Record<string, unknown>>,
): void {
  const { video, audio } = monitor.state().health
  const tracks = [
    { track: 'picture', found: picture, before: video },
    { track: 'sound', found: sound, before: audio },
  ]
  for (const { track, found, before } of tracks) {
    if (found?.kind !== 'undecodable' || before === 'undecodable') continue
    log.warn('track cannot be decoded', { ...logFields, track, codec: found.codec, error: found.error })
  }
}
