import type { OutputPlan } from '../plan/output-plan.ts'
import { errorFinding, type Finding } from './findings.ts'
import type { PlannedTrack } from './planned-tracks.ts'
import type { SegmentSpan, SegmentTiming } from './segment-timing.ts'

/** Audio frames do not end with video frames, and durations in playlists are rounded. */
const TOLERANCE_SEC = 0.05

/**
 * Checks each probed segment: it begins with a keyframe, has its declared duration and all frames of that time, and
 * continues where the previous segment ends.
 */
export function checkSegments(
  segments: readonly SegmentTiming[],
  track: PlannedTrack,
  { video }: OutputPlan,
): readonly Finding[] {
  const fps = track.video === null || video === null ? null : video.fps.num / video.fps.den
  return segments.flatMap((segment, i) => {
    const main = fps === null ? segment.audio : segment.video
    if (main === null) {
      const message = `has no ${fps === null ? 'audio' : 'video'}`
      return [errorFinding('HLS_SEGMENT_MISSING', segment.name, message)]
    }
    const previous = segments[i - 1]
    const isContiguous = previous !== undefined && previous.position === segment.position - 1
    return [
      ...(fps === null ? [] : checkFrames(segment, main, fps)),
      ...checkDuration(segment, main, fps),
      ...(isContiguous ? checkContinuity(segment, previous, fps) : []),
    ]
  })
}

/** Returns the tolerance for a track: one and a half frames, of which a half is rounding. */
function toleranceSec(fps: number | null): number {
  return fps === null ? TOLERANCE_SEC : Math.max(TOLERANCE_SEC, 1.5 / fps)
}

function checkFrames({ name }: SegmentTiming, video: SegmentSpan, fps: number): readonly Finding[] {
  const expected = Math.round((video.endSec - video.startSec) * fps)
  return [
    ...(video.startsWithKeyframe ? [] : [errorFinding('CODEC_MISMATCH', name, 'does not begin with a keyframe')]),
    ...(Math.abs(video.frames - expected) <= 1
      ? []
      : [errorFinding('HLS_DURATION_MISMATCH', name, `has ${video.frames} frames, not ${expected}`)]),
  ]
}

function checkDuration(
  { name, declaredSec }: SegmentTiming,
  main: SegmentSpan,
  fps: number | null,
): readonly Finding[] {
  const actualSec = main.endSec - main.startSec
  if (Math.abs(actualSec - declaredSec) <= toleranceSec(fps)) return []
  const message = `is ${formatSec(actualSec)} long, but is declared to be ${formatSec(declaredSec)} long`
  return [errorFinding('HLS_DURATION_MISMATCH', name, message)]
}

function checkContinuity(segment: SegmentTiming, previous: SegmentTiming, fps: number | null): readonly Finding[] {
  const tracks = [
    { kind: 'video', from: previous.video, to: segment.video, allowedSec: toleranceSec(fps) },
    { kind: 'audio', from: previous.audio, to: segment.audio, allowedSec: TOLERANCE_SEC },
  ]
  return tracks.flatMap(({ kind, from, to, allowedSec }) => {
    const gapSec = from === null || to === null ? 0 : to.startSec - from.endSec
    if (Math.abs(gapSec) <= allowedSec) return []
    const side = gapSec > 0 ? 'after' : 'before'
    const message = `its ${kind} begins ${formatSec(Math.abs(gapSec))} ${side} that of ${previous.name} ends`
    return [errorFinding('HLS_DURATION_MISMATCH', segment.name, message)]
  })
}

function formatSec(seconds: number): string {
  return `${seconds.toFixed(3)} s`
}
