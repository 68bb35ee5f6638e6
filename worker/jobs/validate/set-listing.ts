import type { Finding } from './findings.ts'

/** A segment as a playlist or manifest lists it. */
export type ListedSegment = { readonly name: string; readonly durationSec: number }

/** The media of one rendition as a playlist or manifest lists them. */
export type RenditionListing = {
  /** The playlist or manifest that lists them. */
  readonly file: string
  readonly index: number
  /** The initialization segment (EXT-X-MAP, `initialization`); `null` in MPEG-2 TS. */
  readonly init: string | null
  readonly segments: readonly ListedSegment[]
  readonly targetDurationSec: number
}

/** What an entry declares of renditions that are played together; `null` where it declares nothing. */
export type DeclaredVariant = {
  readonly file: string
  /** Indexes of the renditions. */
  readonly indexes: readonly number[]
  /** Bits per second. */
  readonly bandwidth: number | null
  readonly averageBandwidth: number | null
  readonly resolution: { readonly width: number; readonly height: number } | null
  readonly codecs: string | null
  readonly frameRate: number | null
}

/** Everything that an entry (master playlist or DASH manifest) and the playlists below it list. */
export type SetListing = {
  readonly entry: string
  readonly renditions: readonly RenditionListing[]
  readonly variants: readonly DeclaredVariant[]
  /** Duration of the presentation where the entry itself declares it. */
  readonly durationSec: number | null
  readonly findings: readonly Finding[]
}

/**
 * Returns the rendition index in the name of a file: `stream_N.m3u8`, `segment_N_NNN.ts`, `init_N.m4s` or `chunk_N_N.m4s`;
 * `null` for other names.
 */
export function parseRenditionIndex(name: string): number | null {
  const [, index] = /^(?:stream|segment|init|chunk)_(\d{1,3})(?:_\d+)?\.(?:m3u8|ts|m4s)$/.exec(name) ?? []
  return index === undefined ? null : Number(index)
}

/** Returns the summed duration of segments in seconds. */
export function totalDurationSec(segments: readonly ListedSegment[]): number {
  return segments.reduce((sum, { durationSec }) => sum + durationSec, 0)
}

/** Returns the names of a rendition's media files: the initialization segment, where there is one, and all segments. */
export function mediaFileNames({ init, segments }: Pick<RenditionListing, 'init' | 'segments'>): readonly string[] {
  const names = segments.map(({ name }) => name)
  return init === null ? names : [init, ...names]
}
