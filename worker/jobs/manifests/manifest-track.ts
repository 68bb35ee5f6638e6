/** A media segment in the folder of a set. */
export type TrackSegment = {
  readonly name: string
  readonly bytes: number
  /** Presentation time, in units of the track's timescale. */
  readonly start: number
  readonly duration: number
}

/** A rendition, as one media playlist or one DASH Representation describes it. */
export type ManifestTrack = {
  /** The N in the names of its files. */
  readonly index: number
  /** RFC 6381 codec strings of its streams, video first. */
  readonly codecs: readonly string[]
  /** Units per second. */
  readonly timescale: number
  /** The initialization segment; `null` in MPEG-2 TS. */
  readonly initName: string | null
  readonly segments: readonly [TrackSegment, ...TrackSegment[]]
}

/** Renditions of a set: video tracks with muxed audio, or with the separate track `audio`; or `audio` alone. */
export type SetTracks = { readonly video: readonly ManifestTrack[]; readonly audio: ManifestTrack | null }

/** Returns the duration of a segment in seconds. */
export function segmentDurationSec({ timescale }: ManifestTrack, { duration }: TrackSegment): number {
  return duration / timescale
}

/** Returns the target duration: the longest segment, each rounded to whole seconds (RFC 8216 §4.3.3.1). */
export function targetDurationSec(track: ManifestTrack): number {
  return Math.max(1, ...track.segments.map((segment) => Math.round(segmentDurationSec(track, segment))))
}
