/**
 * A live stream as the monitor knows it: answers of the resolver, playlists and segments. Plain data that every folder
 * of the monitor reads, so that the state machine runs without a network or ffmpeg.
 */

import type { ByteRange, FailedFetch } from '../platform/http.ts'

/** A track of the stream that detectors analyze. */
export type TrackKind = 'picture' | 'sound'

/** Tracks for which a rendition is monitored. */
export type TrackSelection = 'both' | TrackKind

/** One segment of a media playlist (RFC 8216 §3). All URLs are absolute. */
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
  readonly map: StreamResource | null
  /** METHOD of EXT-X-KEY, where there is one other than NONE. */
  readonly encryption: string | null
}

/** A URL, or a part of the resource behind it. */
export type StreamResource = { readonly url: string; readonly byteRange: ByteRange | null }

/** A media playlist at the time of its fetch. */
export type StreamPlaylist = {
  readonly segments: readonly StreamSegment[]
  readonly targetDurationSec: number
  /** The playlist has EXT-X-ENDLIST: no segments follow. */
  readonly isEnded: boolean
}

/** A media playlist to monitor: one for both tracks, or one per track. */
export type StreamRendition = { readonly url: string; readonly tracks: TrackSelection }

/** Where a stream is served. */
export type StreamSource = {
  readonly renditions: readonly StreamRendition[]
  readonly title: string | null
  /** The resolver that found it; `direct` where the stream's URL is that of a playlist. */
  readonly by: 'direct' | 'yt-dlp' | 'streamlink'
  /** Time at which the URLs expire, in ms since 1970; `null` where they do not say. */
  readonly expiresAtMs: number | null
}

/** An answer of the resolver about a stream. */
export type StreamResolution =
  | { readonly kind: 'live'; readonly source: StreamSource }
  | { readonly kind: 'upcoming'; readonly releaseAtMs: number | null; readonly title: string | null }
  /** Over, or never live: `was_live`, `post_live`, `not_live`. */
  | { readonly kind: 'ended'; readonly reason: 'was_live' | 'not_live' }
  /** `source` lets a monitor that missed the last segments analyze them. */
  | { readonly kind: 'ended'; readonly reason: 'endlist_detected'; readonly source: StreamSource }
  /** Permanently unavailable. `reason` is a stable word, `message` the site's text. */
  | { readonly kind: 'gone'; readonly reason: GoneReason; readonly message: string }
  /** The site or the resolver refuses the request. Says nothing about the stream. */
  | { readonly kind: 'blocked'; readonly cause: BlockedCause; readonly message: string }
  /** A transient failure: retried with backoff, never taken for an end. */
  | { readonly kind: 'passing'; readonly message: string }

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

/** Result of fetching a media playlist; `bytes` is its size as served. */
export type MediaPlaylistFetch =
  | { readonly kind: 'ok'; readonly playlist: StreamPlaylist; readonly bytes: number }
  | FailedFetch

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
  | FailedFetch
