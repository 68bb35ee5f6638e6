import { errorFinding, type Finding } from './findings.ts'
import type { SegmentTiming } from './segment-timing.ts'
import type { RenditionListing } from './set-listing.ts'

/** Playlists round durations to decimals; manifests have exact ticks of a timescale. */
const ROUNDING_SEC = 0.002

/** A rendition with video: its listing and the timing of its probed segments. */
export type AlignedRendition = { readonly listing: RenditionListing; readonly segments: readonly SegmentTiming[] }

/**
 * Checks that players can switch renditions at every segment: all renditions have equally many segments, and segments at
 * the same position have the same start and duration, within one frame.
 */
export function checkAlignment(renditions: readonly AlignedRendition[], fps: number): readonly Finding[] {
  const [first, ...others] = renditions
  if (first === undefined) return []
  return others.flatMap((other) => {
    const [count, expected] = [other.listing.segments.length, first.listing.segments.length]
    if (count !== expected) {
      const message = `has ${count} segments, but ${first.listing.file} has ${expected}`
      return [errorFinding('HLS_SEGMENT_MISSING', other.listing.file, message)]
    }
    return [...checkDurations(first, other, fps), ...checkStarts(first, other, fps)]
  })
}

function checkDurations(first: AlignedRendition, other: AlignedRendition, fps: number): readonly Finding[] {
  return other.listing.segments.flatMap(({ name, durationSec }, i) => {
    const expected = first.listing.segments[i]
    if (expected === undefined || Math.abs(durationSec - expected.durationSec) <= 1 / fps) return []
    const message = `is declared to last ${durationSec} s, but ${expected.name} lasts ${expected.durationSec} s`
    return [errorFinding('HLS_DURATION_MISMATCH', name, message)]
  })
}

function checkStarts(first: AlignedRendition, other: AlignedRendition, fps: number): readonly Finding[] {
  const starts = new Map(first.segments.map(({ position, video }) => [position, video?.startSec]))
  return other.segments.flatMap(({ position, name, video }) => {
    const expectedSec = starts.get(position)
    if (expectedSec === undefined || video === null || Math.abs(video.startSec - expectedSec) <= 1 / fps) return []
    const message = `begins at ${video.startSec} s, but in rendition ${first.listing.index} at ${expectedSec} s`
    return [errorFinding('HLS_DURATION_MISMATCH', name, message)]
  })
}

/** Checks that other entries list the media of a rendition like the first: the same files with the same durations. */
export function checkAgreement(first: RenditionListing, others: readonly RenditionListing[]): readonly Finding[] {
  return others.flatMap((other) => {
    const names = [other.init, ...other.segments.map(({ name }) => name)]
    const expectedNames = [first.init, ...first.segments.map(({ name }) => name)]
    if (names.join(' ') !== expectedNames.join(' ')) {
      const message = `lists other files of rendition ${first.index} than ${first.file}`
      return [errorFinding('HLS_PLAYLIST_SYNTAX_ERROR', other.file, message)]
    }
    return other.segments.flatMap(({ name, durationSec }, i) => {
      const expectedSec = first.segments[i]?.durationSec ?? durationSec
      if (Math.abs(durationSec - expectedSec) <= ROUNDING_SEC) return []
      const message = `lasts ${durationSec} s according to ${other.file}, but ${expectedSec} s according to ${first.file}`
      return [errorFinding('HLS_DURATION_MISMATCH', name, message)]
    })
  })
}
