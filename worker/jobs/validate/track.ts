import type { OutputPlan, PlannedRendition } from '../output-plan.ts'
import type { Finding } from './findings.ts'

/** A part of the output that is read by itself: the one file, or a rendition of a set. */
export type Track = {
  /** The N of its files. */
  readonly index: number
  /** `null`: it carries no picture. */
  readonly picture: PlannedRendition | null
  readonly hasSound: boolean
}

/** What is to be there: MPEG-2 TS holds the sound in every rendition, fMP4 has it as a rendition of its own. */
export function plannedTracks({ container, video, audio }: OutputPlan): readonly Track[] {
  const isMuxed = container === 'mp4' || container === 'hls'
  const renditions = video?.renditions ?? []
  const pictures = renditions.map((picture) => ({
    index: picture.index,
    picture,
    hasSound: isMuxed && audio !== null,
  }))
  const sound = { index: renditions.length, picture: null, hasSound: true }
  return audio === null || (isMuxed && video !== null) ? pictures : [...pictures, sound]
}

/** A segment as a playlist or a manifest lists it. */
export type ListedSegment = { readonly name: string; readonly durationSec: number }

/** All that a playlist or a manifest says of one rendition's media. */
export type Listing = {
  /** Where it is said: a playlist, or the manifest. */
  readonly file: string
  readonly index: number
  /** What stands before the segments (EXT-X-MAP, `initialization`); MPEG-2 TS has none. */
  readonly init: string | null
  readonly segments: readonly ListedSegment[]
  readonly targetSec: number
}

/** What an entry promises a player about the renditions that play together; `null`: it does not say. */
export type Claim = {
  readonly file: string
  /** The N of each. */
  readonly tracks: readonly number[]
  /** Bits per second. */
  readonly bandwidth: number | null
  readonly averageBandwidth: number | null
  readonly size: { readonly width: number; readonly height: number } | null
  readonly codecs: string | null
  readonly frameRate: number | null
}

/** What an entry, a master playlist or a DASH manifest, and all that it refers to say. */
export type Listings = {
  readonly entry: string
  readonly listings: readonly Listing[]
  readonly claims: readonly Claim[]
  /** How long the whole is, where the entry says so itself. */
  readonly durationSec: number | null
  readonly findings: readonly Finding[]
}

/** The N of a file of the layout: `stream_N.m3u8`, `segment_N_NNN.ts`, `init_N.m4s`, `chunk_N_N.m4s`; else `null`. */
export function indexOf(name: string): number | null {
  const [, index] = /^(?:stream|segment|init|chunk)_(\d{1,3})(?:_\d+)?\.(?:m3u8|ts|m4s)$/.exec(name) ?? []
  return index === undefined ? null : Number(index)
}

/** The length of all segments, in seconds. */
export function totalSec(segments: readonly ListedSegment[]): number {
  return segments.reduce((sum, { durationSec }) => sum + durationSec, 0)
}
