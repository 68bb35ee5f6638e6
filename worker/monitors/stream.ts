/**
 * A live stream as the monitor knows it: answers of the resolver, playlists and segments. Plain data that every folder
 * of the monitor reads, so that the state machine runs without a network or ffmpeg.
 */

import type { ByteRange, FailedFetch, FetchFailure } from '../platform/http.ts'

/** A track of the stream that detectors analyze. */
export type TrackKind = 'picture' | 'sound'

/** Tracks for which a rendition is monitored. */
export type TrackSelection = 'both' | TrackKind

/** One segment of a media playlist (RFC 8216 §3). All URLs are absolute, other than that of a segment that cannot be used. */
export type StreamSegment = {
  /** Media sequence number; `null` where the playlist has no EXT-X-MEDIA-SEQUENCE. */
  readonly sequence: number | null
  readonly url: string
  readonly durationSec: number
  /** EXT-X-PROGRAM-DATE-TIME of its start, present or derived, in ms since 1970; `null` where the playlist has none. */
  readonly programDateTimeMs: number | null
  readonly discontinuity: boolean
  readonly byteRange: ByteRange | null
  /** EXT-X-MAP: the initialization section that precedes an fMP4 segment. */
  readonly map: InitSection | null
  readonly encryption: SegmentEncryption | null
  /** EXT-X-GAP: the segment is announced as missing. */
  readonly isGap?: true
  /** Its reference cannot be used, as of a scheme that is not http(s): it fails without a fetch. */
  readonly isUnusable?: true
}

/**
 * Encryption by EXT-X-KEY. `aes-128`: the whole resource is encrypted with AES-128-CBC; `iv` has 32 hex digits and
 * `hasOwnIv` where the tag carries it. `drm`: only a licensed player can decrypt it, by `method`.
 */
export type SegmentEncryption =
  | { readonly kind: 'aes-128'; readonly keyUrl: string; readonly iv: string; readonly hasOwnIv: boolean }
  | { readonly kind: 'drm'; readonly method: string }

/**
 * The initialization section of fMP4 segments, with its own encryption. `discontinuities`: how many the stream had before
 * the segment, 0 where it is left out; `period`: that of an MPD. After a discontinuity, and
 * in another period, the section may be another one at the same URL.
 */
export type InitSection = StreamResource & {
  readonly encryption?: SegmentEncryption
  readonly discontinuities?: number
  readonly period?: string
}

/** How the URL of a segment begins whose reference cannot be used; by the rest it differs from others. */
export const UNUSABLE_URL = 'unusable:'

/** A URL, or a part of the resource behind it. */
export type StreamResource = { readonly url: string; readonly byteRange: ByteRange | null }

/** A media playlist at the time of its fetch, or the segments of one representation of an MPD. */
export type StreamPlaylist = {
  readonly segments: readonly StreamSegment[]
  /** EXT-X-TARGETDURATION, or the usual duration of its segments where it has none. */
  readonly targetDurationSec: number
  /** The playlist has EXT-X-ENDLIST: no segments follow. */
  readonly isEnded: boolean
  /** EXT-X-SERVER-CONTROL, where the server offers anything in it. */
  readonly control?: ServerControl
}

/** How a server lets a playlist be fetched again (draft-pantos-hls-rfc8216bis §4.4.3.8). */
export type ServerControl = {
  /** It answers a fetch once the playlist has the next segment. */
  readonly canBlock: boolean
  /** It leaves out segments that are older than this, in seconds; `null`: it always sends all. */
  readonly skipUntilSec: number | null
}

/** A media playlist, or a representation of an MPD, to monitor: one for both tracks, or one per track. */
export type StreamRendition = {
  readonly url: string
  readonly tracks: TrackSelection
  /** Tracks that it has by the master playlist or MPD that lists it; none where that does not say so. */
  readonly declared?: readonly TrackKind[]
  /** The playlist of its captions, where it has one of its own. */
  readonly captionUrl?: string
  /** Variables of the master playlist, which the media playlist may import (EXT-X-DEFINE). */
  readonly variables?: ReadonlyMap<string, string>
  /** The representation of an MPD (ISO/IEC 23009-1), where `url` is that of an MPD. */
  readonly representation?: RepresentationChoice
}

/**
 * A representation by its id. A period without it is watched by the best one with the same tracks. `server`: which of its
 * base URLs serves it, the preferred one (0) where it is left out.
 */
export type RepresentationChoice = { readonly id: string; readonly tracks: TrackSelection; readonly server?: number }

/** Renditions that show the whole stream together. */
export type RenditionChoice = readonly StreamRendition[]

/** Where a stream is served. */
export type StreamSource = {
  readonly renditions: readonly StreamRendition[]
  /** All choices of renditions, the best first, where there are several. `renditions` is one of them. */
  readonly choices?: readonly RenditionChoice[]
  /** Why `renditions` is not the best choice. */
  readonly problem?: string
  readonly title: string | null
  /** The resolver that found it; `direct` where the stream's URL is that of a playlist. */
  readonly by: 'direct' | 'yt-dlp' | 'streamlink'
  /** Time at which the URLs expire, in ms since 1970; `null` where they do not say. */
  readonly expiresAtMs: number | null
}

/** An answer of the resolver about a stream. */
export type StreamResolution =
  | { readonly kind: 'live'; readonly source: StreamSource }
  /** `problem`: why a playlist that was to be read has no segment; a site that says so itself leaves it out. */
  | {
      readonly kind: 'upcoming'
      readonly releaseAtMs: number | null
      readonly title: string | null
      readonly problem?: string
    }
  /** Over, or never live: `was_live`, `post_live`, `not_live`. */
  | { readonly kind: 'ended'; readonly reason: 'was_live' | 'not_live' }
  /**
   * `source` lets a monitor that missed the last segments analyze them. `newestMs`: the end of the newest one by its program
   * time, in ms since 1970.
   */
  | {
      readonly kind: 'ended'
      readonly reason: 'endlist_detected'
      readonly source: StreamSource
      readonly newestMs?: number
    }
  /** Permanently unavailable. `reason` is a stable word, `message` the site's text. */
  | { readonly kind: 'gone'; readonly reason: GoneReason; readonly message: string }
  /** The site or the resolver refuses the request. Says nothing about the stream. */
  | { readonly kind: 'blocked'; readonly cause: BlockedCause; readonly message: string }
  /** A transient failure: retried with backoff, never taken for an end. `problem`: it is the playlist's own. */
  | { readonly kind: 'passing'; readonly message: string; readonly problem?: string }

export type GoneReason = 'removed' | 'private' | 'members_only' | 'geo_blocked' | 'age_restricted' | 'unavailable'
export type BlockedCause =
  | 'bot_check'
  | 'captcha'
  | 'rate_limited'
  | 'ip_blocked'
  | 'po_token'
  | 'format_unavailable'
  | 'resolver_outdated'
  | 'resolver_missing'

/** How a playlist that was fetched before is fetched again, where its server offers more than a plain fetch. */
export type PlaylistReload = {
  /** The server answers once the playlist has this media sequence number; `null`: it answers at once. */
  readonly awaited: { readonly sequence: number; readonly withinMs: number } | null
  /** The playlist as it was before, which lets the server leave out its older segments; `null`: it sends all. */
  readonly previous: StreamPlaylist | null
}

/** Result of fetching a media playlist; `bytes` is its size as served. */
export type MediaPlaylistFetch =
  | {
      readonly kind: 'ok'
      readonly playlist: StreamPlaylist
      readonly bytes: number
      /** Lines that were skipped because they could not be read, by kind. */
      readonly unread?: UnreadLines
      /** The choices from now on, where the stream has other tracks than the rendition was chosen for. */
      readonly choices?: readonly RenditionChoice[]
    }
  | FailedFetch

/** Number of lines that could not be read, by their tag, `URI` or `long line`. */
export type UnreadLines = ReadonlyMap<string, number>

/** Result of fetching a segment. */
export type SegmentFetch =
  | {
      readonly kind: 'ok'
      readonly bytes: Uint8Array
      /** The segment is longer than SEGMENT_MAX_BYTES; `bytes` holds its beginning. */
      readonly isTruncated: boolean
      /** The initialization section that precedes `bytes`; `null` where the segment has none. */
      readonly map: Uint8Array | null
    }
  | FailedSegmentFetch

/** A segment's failure; `failing` is `key` where the segment's key could not be fetched. */
export type FailedSegmentFetch = {
  readonly kind: 'failed'
  readonly failure: FetchFailure & {
    readonly failing?: 'segment' | 'key'
    /** There was an answer, but no media in it: a server answers so before the segment is there. */
    readonly isNoMedia?: true
    /** No further attempt can succeed. */
    readonly isFinal?: true
  }
}
