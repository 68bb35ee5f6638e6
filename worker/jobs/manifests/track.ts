/** A media segment as it lies in the folder. */
export type Segment = {
  readonly name: string
  readonly bytes: number
  /** When it is shown, on the track's own time scale. */
  readonly start: number
  readonly duration: number
}

/** One rendition: what a stream playlist or a Representation stands for. */
export type Track = {
  /** The N in its files' names. */
  readonly index: number
  /** RFC 6381, one for each stream that is muxed into it, the picture first. */
  readonly codecs: readonly string[]
  /** Units of a segment's times in a second. */
  readonly timescale: number
  /** What stands before each segment; `null` where nothing does. */
  readonly initName: string | null
  readonly segments: readonly [Segment, ...Segment[]]
}

/** Length of a segment in seconds. */
export function segmentSec({ timescale }: Track, { duration }: Segment): number {
  return duration / timescale
}

/** A playlist's target duration: no segment, rounded to whole seconds, is longer (RFC 8216 §4.3.3.1). */
export function targetDurationSec(track: Track): number {
  return Math.max(1, ...track.segments.map((segment) => Math.round(segmentSec(track, segment))))
}
