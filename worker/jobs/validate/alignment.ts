import { fault, type Finding } from './findings.ts'
import type { SegmentMedia } from './spans.ts'
import type { Listing } from './track.ts'

/** Playlists have decimals where manifests have units of a time scale. */
const ROUNDING_SEC = 0.002

/** A rendition with a picture: what is said of its segments, and what was read of them. */
export type Aligned = { readonly listing: Listing; readonly segments: readonly SegmentMedia[] }

/**
 * A player changes between renditions at the border of a segment: all have the same number of them, as long as one
 * another to a frame, and begin them at the same times.
 */
export function checkAlignment(renditions: readonly Aligned[], fps: number): readonly Finding[] {
  const [first, ...others] = renditions
  if (first === undefined) return []
  return others.flatMap((other) => {
    const [count, wanted] = [other.listing.segments.length, first.listing.segments.length]
    if (count !== wanted) {
      const message = `has ${count} segments, but ${first.listing.file} has ${wanted}`
      return [fault('HLS_SEGMENT_MISSING', other.listing.file, message)]
    }
    return [...lengthFaults(first, other, fps), ...startFaults(first, other, fps)]
  })
}

function lengthFaults(first: Aligned, other: Aligned, fps: number): readonly Finding[] {
  return other.listing.segments.flatMap(({ name, durationSec }, i) => {
    const wanted = first.listing.segments[i]
    if (wanted === undefined || Math.abs(durationSec - wanted.durationSec) <= 1 / fps) return []
    const message = `is said to last ${durationSec} s, but ${wanted.name} ${wanted.durationSec} s`
    return [fault('HLS_DURATION_MISMATCH', name, message)]
  })
}

function startFaults(first: Aligned, other: Aligned, fps: number): readonly Finding[] {
  const starts = new Map(first.segments.map(({ at, picture }) => [at, picture?.startSec]))
  return other.segments.flatMap(({ at, name, picture }) => {
    const wanted = starts.get(at)
    if (wanted === undefined || picture === null || Math.abs(picture.startSec - wanted) <= 1 / fps) return []
    const message = `begins at ${picture.startSec} s, but in rendition ${first.listing.index} at ${wanted} s`
    return [fault('HLS_DURATION_MISMATCH', name, message)]
  })
}

/** Two entries over the same media say the same of it: `others` list what `first` does, as long as it does. */
export function checkAgreement(first: Listing, others: readonly Listing[]): readonly Finding[] {
  return others.flatMap((other) => {
    const names = [other.init, ...other.segments.map(({ name }) => name)]
    const wanted = [first.init, ...first.segments.map(({ name }) => name)]
    if (names.join(' ') !== wanted.join(' ')) {
      const message = `lists rendition ${first.index} otherwise than ${first.file} does`
      return [fault('HLS_PLAYLIST_SYNTAX_ERROR', other.file, message)]
    }
    return other.segments.flatMap(({ name, durationSec }, i) => {
      const wantedSec = first.segments[i]?.durationSec ?? durationSec
      if (Math.abs(durationSec - wantedSec) <= ROUNDING_SEC) return []
      const message = `lasts ${durationSec} s by ${other.file}, but ${wantedSec} s by ${first.file}`
      return [fault('HLS_DURATION_MISMATCH', name, message)]
    })
  })
}
