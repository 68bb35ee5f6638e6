import type { InitSection, ServerControl, StreamPlaylist, StreamSegment } from '../stream.ts'
import type { AttributeList } from './playlist-lines.ts'
import type { PlaylistVariables } from './playlist-variables.ts'
import type { DeclaredKey } from './segment-key.ts'

/** Where a playlist's text comes from. */
export type PlaylistOrigin = {
  /** The playlist's URL after redirects, against which references resolve. */
  readonly url: string
  /** The URL before redirects; `url` by default. */
  readonly requestedUrl?: string
  /** Variables of the master playlist. */
  readonly variables?: PlaylistVariables | undefined
  /** The playlist as it was before, which completes a delta update (EXT-X-SKIP). */
  readonly previous?: StreamPlaylist | null
}

/** A segment as its lines declare it; `durationSec` is `null` where EXTINF cannot be read. */
export type SegmentDraft = Omit<StreamSegment, 'sequence' | 'durationSec'> & { readonly durationSec: number | null }

/** A variant of a master playlist, before its URL is resolved. */
export type VariantDraft = { readonly url: string; readonly attributes: AttributeList }

/** What a playlist's lines declare. */
export type PlaylistDraft = {
  readonly origin: PlaylistOrigin
  readonly variables: Map<string, string>
  /** Lines that could not be read, by kind. */
  readonly unread: Map<string, number>
  targetDurationSec: number | null
  mediaSequence: number | null
  isEnded: boolean
  control: ServerControl
  /** Segments at the start that a delta update leaves out. */
  skippedSegments: number
  /** Segments in order. */
  readonly segments: SegmentDraft[]
  readonly variants: VariantDraft[]
  /** Characters that references and variables have added to the text. */
  addedLength: number
  /** Length of the URLs against which its references were resolved. */
  baseLength: number
  /** The query of its URL, parsed for EXT-X-DEFINE; `null` before that. */
  query: ReadonlyMap<string, string> | null
  /** Attributes of the EXT-X-MEDIA tags. */
  readonly media: AttributeList[]
  // What applies to the lines that follow.
  variant: AttributeList | null
  next: NextSegment
  map: InitSection | null
  /** Discontinuities from the start of the stream to here. */
  discontinuities: number
  key: DeclaredKey
  /** No segment has come since `key`: another EXT-X-KEY is an alternative to it. */
  isKeyNew: boolean
  rangeEnd: { readonly url: string; readonly offset: number } | null
}

/** Tags of the next segment. */
export type NextSegment = {
  readonly hasInf: boolean
  readonly durationSec: number | null
  readonly byteRange: { readonly length: number; readonly offset: number | null } | null
  readonly timeMs: number | null
  readonly discontinuity: boolean
  readonly isGap: boolean
}

/** Most segments of a playlist: more than a day of 2 s each. What a worker keeps of them fits into its heap. */
export const MAX_SEGMENTS = 50_000
/** Most variants, and most other media, of a master playlist. */
export const MAX_RENDITIONS = 1000

/** A segment before which no tag was read. */
export const NO_TAGS: NextSegment = {
  hasInf: false,
  durationSec: null,
  byteRange: null,
  timeMs: null,
  discontinuity: false,
  isGap: false,
}

/** Creates the draft of a playlist of which no line was read. */
export function createDraft(origin: PlaylistOrigin): PlaylistDraft {
  return {
    origin,
    variables: new Map(),
    unread: new Map(),
    targetDurationSec: null,
    mediaSequence: null,
    isEnded: false,
    control: { canBlock: false, skipUntilSec: null },
    skippedSegments: 0,
    segments: [],
    variants: [],
    addedLength: 0,
    baseLength: 0,
    query: null,
    media: [],
    variant: null,
    next: NO_TAGS,
    map: null,
    discontinuities: 0,
    key: { kind: 'none' },
    isKeyNew: false,
    rangeEnd: null,
  }
}
