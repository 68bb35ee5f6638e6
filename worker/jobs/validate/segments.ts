import type { OutputPlan } from '../output-plan.ts'
import { fault, type Finding } from './findings.ts'
import type { SegmentMedia, Span } from './spans.ts'
import type { Track } from './track.ts'

/** Frames of sound do not end with the picture's, and lengths in playlists are rounded: so much is no difference. */
const TOLERANCE_SEC = 0.05

/**
 * Each segment that was read begins with a key frame, is as long as it is said to be, holds every frame of that time,
 * and goes on where the one before it ends.
 */
export function checkSegments(
  segments: readonly SegmentMedia[],
  track: Track,
  { video }: OutputPlan,
): readonly Finding[] {
  const fps = track.picture === null || video === null ? null : video.fps.num / video.fps.den
  return segments.flatMap((segment, i) => {
    const main = fps === null ? segment.sound : segment.picture
    if (main === null) {
      return [fault('HLS_SEGMENT_MISSING', segment.name, `holds no ${fps === null ? 'sound' : 'picture'}`)]
    }
    const before = segments[i - 1]
    const follows = before?.at === segment.at - 1 ? before : null
    return [
      ...(fps === null ? [] : pictureFaults(segment, main, fps)),
      ...lengthFaults(segment, main, fps),
      ...(follows === null ? [] : gapFaults(segment, follows, fps)),
    ]
  })
}

/** A frame and a half: half of one is rounding. */
function toleranceSec(fps: number | null): number {
  return fps === null ? TOLERANCE_SEC : Math.max(TOLERANCE_SEC, 1.5 / fps)
}

function pictureFaults({ name }: SegmentMedia, picture: Span, fps: number): readonly Finding[] {
  const expected = Math.round((picture.endSec - picture.startSec) * fps)
  return [
    ...(picture.startsWithKey ? [] : [fault('CODEC_MISMATCH', name, 'does not begin with a key frame')]),
    ...(Math.abs(picture.frames - expected) <= 1
      ? []
      : [fault('HLS_DURATION_MISMATCH', name, `holds ${picture.frames} frames where ${expected} belong`)]),
  ]
}

function lengthFaults({ name, saidSec }: SegmentMedia, main: Span, fps: number | null): readonly Finding[] {
  const isSec = main.endSec - main.startSec
  if (Math.abs(isSec - saidSec) <= toleranceSec(fps)) return []
  return [fault('HLS_DURATION_MISMATCH', name, `is ${inSec(isSec)} long, not ${inSec(saidSec)} as is said`)]
}

function gapFaults(segment: SegmentMedia, before: SegmentMedia, fps: number | null): readonly Finding[] {
  const pairs = [
    { what: 'picture', from: before.picture, to: segment.picture, allowedSec: toleranceSec(fps) },
    { what: 'sound', from: before.sound, to: segment.sound, allowedSec: TOLERANCE_SEC },
  ]
  return pairs.flatMap(({ what, from, to, allowedSec }) => {
    const gapSec = from === null || to === null ? 0 : to.startSec - from.endSec
    if (Math.abs(gapSec) <= allowedSec) return []
    const side = gapSec > 0 ? 'after' : 'before'
    const message = `its ${what} begins ${inSec(Math.abs(gapSec))} ${side} that of ${before.name} ends`
    return [fault('HLS_DURATION_MISMATCH', segment.name, message)]
  })
}

function inSec(seconds: number): string {
  return `${seconds.toFixed(3)} s`
}
