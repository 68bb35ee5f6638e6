/**
 * Finds spans exact to a frame at the least cost. A picture of many lines is decoded by its keyframes as long as these
 * show nothing and no span of a threshold's length fits between them. Otherwise every frame is decoded, and those of
 * the previous segment too where a span began there.
 */

import type { MonitorConfig } from '../../../shared/contract/monitors.ts'
import type { TrackSelection } from '../stream.ts'
import {
  createSegmentDecoder,
  type DecodedSegment,
  type DecodeFailure,
  type SegmentDecoder,
  type TimedSegment,
} from './decode-segment.ts'
import type { DecodeDepth } from './decoder-output.ts'
import { findTrackSpans, joinPrecedingSegment, startsInSpan } from './detection-spans.ts'
import { DETECTORS } from './detectors/list.ts'
import type { SegmentFindings, TrackFindings } from './findings.ts'
import { canUseKeyframes, hasNoMarks } from './keyframe-sampling.ts'

/** A segment to analyze. `isAfterGap`: it does not directly follow the one analyzed before. */
export type DownloadedSegment = TimedSegment & {
  readonly tracks: TrackSelection
  readonly isAfterGap: boolean
}

export type SegmentAnalysis =
  | { readonly kind: 'analyzed'; readonly findings: SegmentFindings }
  | { readonly kind: 'failed'; readonly error: string }

/** Analyzes the segments of one rendition in order. A call must not start before the previous one has ended. */
export type SegmentProbe = { analyze(segment: DownloadedSegment, signal: AbortSignal): Promise<SegmentAnalysis> }

/** Limits of the wall-clock time for a segment's analysis, which is twice its duration. */
const MIN_BUDGET_MS = 10_000
const MAX_BUDGET_MS = 120_000

const WHOLE_PICTURE: DecodeDepth = { picture: 'all', sound: false }

/** Creates a probe for one rendition. It runs the detectors whose threshold is not 0. */
export function createSegmentProbe(options: { ffmpegPath: string; config: MonitorConfig }): SegmentProbe {
  const { ffmpegPath, config } = options
  const detectors = DETECTORS.filter((detector) => config[detector.threshold] > 0)
  const thresholds = detectors.filter(({ track }) => track === 'picture').map(({ threshold }) => config[threshold])
  /** The previous segment, if only its keyframes were decoded. */
  let sampled: DownloadedSegment | null = null
  /** Depth of the next segment's first run, as it suits the current segment. */
  let pictureDepth: 'key' | 'all' = 'key'

  async function analyze(segment: DownloadedSegment, signal: AbortSignal): Promise<SegmentAnalysis> {
    const before = segment.isAfterGap ? null : sampled
    sampled = null
    const deadlineMs = performance.now() + computeBudgetMs(segment.durationSec)
    const decode = createSegmentDecoder({ ffmpegPath, config, detectors, deadlineMs, signal })
    const first = await decode(segment, chooseFirstDepth(segment.tracks))
    if (first.kind === 'failed') return first
    const whole = segment.tracks === 'sound' ? first : await deepenPicture(segment, first, decode)
    if (whole.kind === 'failed') return whole
    const picture = findTrackSpans('picture', detectors, whole)
    return {
      kind: 'analyzed',
      findings: {
        picture: segment.tracks === 'sound' ? null : await extendBack(picture, before, decode),
        sound: segment.tracks === 'picture' ? null : findTrackSpans('sound', detectors, first),
      },
    }
  }

  function chooseFirstDepth(tracks: TrackSelection): DecodeDepth {
    return { picture: tracks === 'sound' ? null : pictureDepth, sound: tracks !== 'picture' }
  }

  /** Decodes every frame of the picture where its keyframes are not enough. */
  async function deepenPicture(
    segment: DownloadedSegment,
    first: DecodedSegment,
    decode: SegmentDecoder,
  ): Promise<DecodedSegment | DecodeFailure> {
    const wasSampled = pictureDepth === 'key'
    pictureDepth = canUseKeyframes(first.output, first.extents.picture, Math.min(...thresholds)) ? 'key' : 'all'
    if (!wasSampled) return first
    if (pictureDepth === 'all' || !hasNoMarks(first.output.picture)) return decode(segment, WHOLE_PICTURE)
    sampled = segment
    return first
  }

  /** Extends spans at a segment's start into the previous segment, where that was only sampled. */
  async function extendBack(
    found: TrackFindings,
    before: DownloadedSegment | null,
    decode: SegmentDecoder,
  ): Promise<TrackFindings> {
    if (found.kind === 'absent' || before === null || !startsInSpan(found)) return found
    const decoded = await decode(before, WHOLE_PICTURE)
    if (decoded.kind === 'failed') return found
    return joinPrecedingSegment(found, findTrackSpans('picture', detectors, decoded), before.durationSec)
  }

  return { analyze }
}

function computeBudgetMs(durationSec: number): number {
  return Math.min(MAX_BUDGET_MS, Math.max(MIN_BUDGET_MS, 2000 * durationSec))
}
