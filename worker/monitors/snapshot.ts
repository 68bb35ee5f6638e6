/**
 * What one turn of the monitor's loop hands to its state: what the source gave, and what the decoder saw in a segment.
 * Plain data, so that the state machine can be tested without a network or ffmpeg.
 */

import type { ByteRange } from '../platform/http.ts'

export type { ByteRange, FetchTrouble } from '../platform/http.ts'

/**
 * A stretch of one segment, in seconds of media from the segment's start, at most to its duration. `fromSec` is negative
 * where it begins in the segment before, which had been looked at by its key frames only and is known in full by now.
 */
export type Span = { readonly fromSec: number; readonly toSec: number }

/**
 * What was seen of one side (picture or sound) of a segment. `absent`: the segment carries no such track.
 * `seen`: the spans that each detector of that side found, by the detector's name.
 */
export type SideFindings =
  | { readonly kind: 'absent' }
  | { readonly kind: 'seen'; readonly spans: Readonly<Record<string, readonly Span[]>> }

/** A side is `null` where the rendition is not the one that it is judged by (sound in a playlist of its own). */
export type SegmentFindings = {
  readonly picture: SideFindings | null
  readonly sound: SideFindings | null
}

/** Which sides of the stream a media playlist is there for. */
export type Sides = 'both' | 'picture' | 'sound'

/** One segment of a media playlist (RFC 8216 §3), its URLs absolute. */
export type Segment = {
  /** Media sequence number; `null` where the playlist has no EXT-X-MEDIA-SEQUENCE. */
  readonly sequence: number | null
  readonly url: string
  readonly durationSec: number
  /** EXT-X-PROGRAM-DATE-TIME of its start, given or derived, in ms since 1970; `null` where the playlist has none. */
  readonly programDateTimeMs: number | null
  readonly discontinuity: boolean
  readonly byteRange: ByteRange | null
  /** EXT-X-MAP: what must stand before an fMP4 segment. */
  readonly map: { readonly url: string; readonly byteRange: ByteRange | null } | null
  /** The METHOD of EXT-X-KEY, where there is one other than NONE. */
  readonly encryption: string | null
}

/** A media playlist as it stands now. */
export type MediaPlaylist = {
  readonly segments: readonly Segment[]
  readonly targetDurationSec: number
  /** EXT-X-ENDLIST: nothing more will come. */
  readonly ended: boolean
}

/** A rendition to watch: both sides in one playlist, or one playlist a side. */
export type Rendition = { readonly url: string; readonly sides: Sides }

/** Where the stream can be had. */
export type Source = {
  readonly renditions: readonly Rendition[]
  readonly title: string | null
  /** What found it: `direct`, `yt-dlp` or `streamlink`. */
  readonly by: 'direct' | 'yt-dlp' | 'streamlink'
  /** When the URLs stop working, in ms since 1970, where they say so. */
  readonly expiresAtMs: number | null
}

/** What the resolver found out about a stream; the table "what the resolver says" of the monitors' page. */
export type Resolution =
  | { readonly kind: 'live'; readonly source: Source }
  | { readonly kind: 'upcoming'; readonly releaseAtMs: number | null; readonly title: string | null }
  /** Over, or never live: `was_live`, `post_live`, `not_live`. */
  | { readonly kind: 'ended'; readonly reason: 'was_live' | 'not_live' }
  /** `source`: for whoever was watching it and has not seen its last segments. */
  | { readonly kind: 'ended'; readonly reason: 'endlist_detected'; readonly source: Source }
  /** Gone for good: private, removed, members only, blocked. `reason` is a stable word, `message` the site's own. */
  | { readonly kind: 'gone'; readonly reason: GoneReason; readonly message: string }
  /** Our own trouble, never the stream's. */
  | { readonly kind: 'blocked'; readonly cause: BlockedCause; readonly message: string }
  /** Passing: tried again with back-off, never taken for an end. */
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
