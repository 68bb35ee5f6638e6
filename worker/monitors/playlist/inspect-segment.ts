import type { SegmentAnalysis, SegmentProbe } from '../analyze/analyze-segment.ts'
import type { SegmentFindings, TrackFindings } from '../analyze/findings.ts'
import { NO_KEYFRAME } from '../analyze/judge-segment.ts'
import type { MonitorContext } from '../monitor-context.ts'
import { hasPictureRun } from '../state/detection-runs.ts'
import type { RenditionProgress } from '../state/observation.ts'
import type { SegmentFetch, StreamSegment, TrackKind } from '../stream.ts'
import type { ConfirmTracks } from './track-survey.ts'

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
  readonly confirm: ConfirmTracks
  /** Tracks that the rendition is declared to have. */
  readonly declared: readonly TrackKind[]
}

/** What became of a segment. `dismissed`: another rendition is watched from this segment on. */
type InspectionResult = 'analyzed' | 'encrypted' | 'failed' | 'dismissed'

/** Analyzes a fetched segment and observes the result. */
export async function inspectSegment(
  inspection: SegmentInspection,
  context: MonitorContext,
): Promise<InspectionResult> {
  const { segment, fetched, beganMs, progress, startMs, isAfterGap, isContinuous, confirm, declared } = inspection
  const { monitor, lifetime, clock, log } = context
  const { tracks } = progress
  const { sequence } = segment
  const logFields = { sequence, sides: tracks }
  const { bytes, isTruncated } = fetched
  if (isTruncated) log.warn('segment exceeds SEGMENT_MAX_BYTES, analyzing its beginning', logFields)
  const fetchedMs = clock.nowMs()
  const analysis = await analyzeFetched(inspection, context)
  if (lifetime.killed.aborted) return 'failed'
  const atMs = clock.nowMs()
  if (analysis.kind === 'failed') {
    log.warn('segment could not be fetched or decoded', { ...logFields, error: analysis.error })
    monitor.observe({ kind: 'segment_failed', atMs, beganMs, progress, error: analysis.error })
    return 'failed'
  }
  if (analysis.kind === 'encrypted') {
    monitor.observe({ kind: 'encrypted', atMs, progress, method: analysis.method })
    return 'encrypted'
  }
  const { findings, pictures } = analysis
  if (!(await confirm(findings))) return 'dismissed'
  logUndecodable(findings, context, logFields)
  const isDated = segment.programDateTimeMs !== null
  const follows = isContinuous || analysis.follows === true
  const length = { durationSec: analysis.durationSec, isContinuous: follows && !isAfterGap }
  const analyzed = { sequence, isDated, startMs, ...length }
  monitor.observe({ kind: 'segment', atMs: clock.nowMs(), progress, segment: analyzed, findings, declared })
  const took = { fetch_ms: fetchedMs - beganMs, analysis_ms: atMs - fetchedMs }
  log.debug('segment analyzed', { ...logFields, bytes: bytes.length, pictures, ...took, findings })
  return 'analyzed'
}

/** Analyzes a segment, and once more where its initialization section has become another one that can be decoded. */
async function analyzeFetched(
  { segment, fetched, progress: { tracks }, isAfterGap, probe }: SegmentInspection,
  { monitor, client, lifetime }: MonitorContext,
): Promise<SegmentAnalysis> {
  const { bytes, map, isTruncated } = fetched
  const after = { isAfterGap, hasPictureRun: hasPictureRun(monitor.state().runs) }
  const downloaded = { bytes, map, durationSec: segment.durationSec, tracks, isTruncated, ...after }
  const analysis = await probe.analyze(downloaded, lifetime.killed)
  const pauseMs = map === null || lifetime.killed.aborted ? null : findRenewalPauseMs(analysis)
  if (pauseMs === null) return analysis
  const renewed = await client.renewInit(segment, pauseMs, lifetime.stopping)
  if (renewed === null) return analysis
  // The decoders have seen the segment: it begins anew.
  const again = await probe.analyze({ ...downloaded, map: renewed, isAfterGap: true }, lifetime.killed)
  return again.kind === 'analyzed' ? again : analysis
}

/** Shortest time between two fetches of an initialization section with which segments, or one of their tracks, fail, in ms. */
const RENEWAL_MS = { segment: 1000, track: 5000 } as const

/** Returns how often the initialization section of a segment may be fetched anew; `null` where that is of no use. */
function findRenewalPauseMs(analysis: SegmentAnalysis): number | null {
  if (analysis.kind !== 'analyzed') return analysis.kind === 'failed' ? RENEWAL_MS.segment : null
  const { picture, sound } = analysis.findings
  return [picture, sound].some(isLost) ? RENEWAL_MS.track : null
}

/** Reports whether a track that should be there is not decoded, other than for want of a keyframe. */
function isLost(found: TrackFindings | null): boolean {
  if (found?.kind === 'undecodable') return found.error !== NO_KEYFRAME
  return found?.kind === 'absent' && found.isDeclared
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
