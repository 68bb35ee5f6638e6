import type { TrackKind } from '../stream.ts'

/** A track that starts this much after the other, or ends this much before it, is missing there; muxing shifts less. */
export const MIN_MISSING_SEC = 1

/** A stretch on a track's clock in its segment, in seconds. */
export type TrackExtent = { readonly fromSec: number; readonly toSec: number }

/** Where the segment begins and ends on the clock of each track. Both are equally long. */
export type TrackExtents = Readonly<Record<TrackKind, TrackExtent>>

/** The packets of a track, in decoding order. */
type TimedTrack = { readonly packets: readonly { readonly sec: number; readonly isKey: boolean }[] }
/** The tracks of a segment that are analyzed. */
type TimedTracks = Readonly<Record<TrackKind, TimedTrack>>

/** Returns the length of an extent in seconds. */
export function computeLengthSec({ fromSec, toSec }: TrackExtent): number {
  return toSec - fromSec
}

/** Returns the extent from a track's first packet to the end of its last one; `null` without packets. */
export function measureTrack({ packets }: TimedTrack): TrackExtent | null {
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
 * Returns how long a track may go on after its last packet: a picture stays until the next one, so that a still one,
 * or one that changes rarely, is not missing.
 */
export function computeMaxStepSec({ packets }: TimedTrack): number {
  if (packets.length < 2) return Infinity
  const times = packets.map(({ sec }) => sec).toSorted((a, b) => a - b)
  return times.slice(1).reduce((longest, time, index) => Math.max(longest, time - (times[index] ?? time)), 0)
}

/**
 * Returns where a segment begins and ends: at the picture's first frame, or at the sound's where the picture is absent
 * or so late that it is missing. Tracks with separate clocks begin at their own first packets. `null` without packets.
 */
export function measureSegment(tracks: TimedTracks, playlistSec: number): TrackExtents | null {
  const picture = measureTrack(tracks.picture)
  const sound = measureTrack(tracks.sound)
  const only = picture ?? sound
  if (only === null) return null
  if (picture === null || sound === null) return { picture: only, sound: only }
  if (haveSeparateClocks(picture, sound, playlistSec)) {
    const longestSec = Math.max(computeLengthSec(picture), computeLengthSec(sound))
    const own = ({ fromSec }: TrackExtent) => ({ fromSec, toSec: fromSec + longestSec })
    return { picture: own(picture), sound: own(sound) }
  }
  const isPictureLate = picture.fromSec - sound.fromSec > MIN_MISSING_SEC
  const fromSec = isPictureLate ? sound.fromSec : picture.fromSec
  const both = { fromSec, toSec: Math.max(picture.toSec, sound.toSec) }
  return { picture: both, sound: both }
}

/**
 * Returns whether one track covers the whole segment and the other reaches out of it. A playlist that fits neither reading
 * is wrong; then tracks are whole, each on its own clock, that are equally long or leave a time that neither has.
 */
function haveSeparateClocks(picture: TrackExtent, sound: TrackExtent, playlistSec: number): boolean {
  const lengths = [computeLengthSec(picture), computeLengthSec(sound)]
  const [longestSec, shortestSec] = [Math.max(...lengths), Math.min(...lengths)]
  const unionSec = Math.max(picture.toSec, sound.toSec) - Math.min(picture.fromSec, sound.fromSec)
  if (unionSec - longestSec <= MIN_MISSING_SEC) return false
  if (longestSec >= playlistSec - MIN_MISSING_SEC) return true
  if (Math.abs(unionSec - playlistSec) <= MIN_MISSING_SEC) return false
  const areApart = unionSec - longestSec - shortestSec > MIN_MISSING_SEC
  return areApart || longestSec - shortestSec <= MIN_MISSING_SEC
}

/** A playlist's duration that differs by no more is exact, and the media's is that of one track. */
const MAX_ROUNDING_SEC = 0.15
/**
 * Returns the duration of the media. Playlists round it, or name the same for every segment. The end of sound, which is
 * cut elsewhere than the picture, does not count beside a picture. Sound alone is as long as its frames.
 */
export function measureDuration(tracks: TimedTracks, extents: TrackExtents, playlistSec: number): number {
  const picture = measureTrack(tracks.picture)
  const whole = extents.picture
  const isPictureWhole = picture !== null && whole.toSec - picture.toSec <= MIN_MISSING_SEC
  const pictureSec = isPictureWhole ? picture.toSec - whole.fromSec : 0
  const measuredSec = pictureSec > 0 ? pictureSec : whole.toSec - whole.fromSec
  // A single frame without sound has no length of its own.
  if (measuredSec === 0) return playlistSec
  const isExact = picture === null || Math.abs(measuredSec - playlistSec) > MAX_ROUNDING_SEC
  return isExact ? measuredSec : playlistSec
}
