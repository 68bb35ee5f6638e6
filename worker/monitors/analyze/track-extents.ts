import type { TrackKind } from '../stream.ts'
import type { DecoderOutput, TrackOutput } from './decoder-output.ts'

/** A track that starts this much after the other, or ends this much before it, is missing there; muxing shifts less. */
export const MIN_MISSING_SEC = 1

/** A stretch on the clock of a decoder run, in seconds. */
export type TrackExtent = { readonly fromSec: number; readonly toSec: number }

/** Where the segment begins and ends on the clock of each track. Both are equally long. */
export type TrackExtents = Readonly<Record<TrackKind, TrackExtent>>

/** Returns the length of an extent in seconds. */
export function computeLengthSec({ fromSec, toSec }: TrackExtent): number {
  return toSec - fromSec
}

/** Returns the extent from a track's first packet to the end of its last one; `null` without packets. */
export function measureTrack({ packets }: TrackOutput): TrackExtent | null {
  const [first] = packets
  if (first === undefined) return null
  const times = packets.map(({ sec }) => sec).toSorted((a, b) => a - b)
  const startSec = first.isKey ? first.sec : (times[0] ?? first.sec)
  return { fromSec: startSec, toSec: (times.at(-1) ?? startSec) + computeMedianStep(times) }
}

/** Returns the median distance between neighbours, which a gap does not distort. */
function computeMedianStep(times: readonly number[]): number {
  const steps = times.slice(1).map((time, index) => time - (times[index] ?? time))
  return steps.toSorted((a, b) => a - b)[steps.length >> 1] ?? 0
}

/**
 * Returns where a segment begins and ends: at the picture's first frame, or at the sound's where the picture is absent
 * or so late that it is missing. Tracks with separate clocks begin at their own first packets. `null` without packets.
 */
export function measureSegment(output: DecoderOutput, durationSec: number): TrackExtents | null {
  const picture = measureTrack(output.picture)
  const sound = measureTrack(output.sound)
  const only = picture ?? sound
  if (only === null) return null
  if (picture === null || sound === null) return { picture: only, sound: only }
  const longestSec = Math.max(computeLengthSec(picture), computeLengthSec(sound))
  const toSec = Math.max(picture.toSec, sound.toSec)
  const outsideSec = toSec - Math.min(picture.fromSec, sound.fromSec) - longestSec
  // One track covers the whole segment and the other still reaches out of it: their clocks differ.
  if (outsideSec > MIN_MISSING_SEC && longestSec >= durationSec - MIN_MISSING_SEC) {
    const own = ({ fromSec }: TrackExtent) => ({ fromSec, toSec: fromSec + longestSec })
    return { picture: own(picture), sound: own(sound) }
  }
  const isPictureLate = picture.fromSec - sound.fromSec > MIN_MISSING_SEC
  const both = { fromSec: isPictureLate ? sound.fromSec : picture.fromSec, toSec }
  return { picture: both, sound: both }
}
