import type { Clip } from './clips.ts'

/** Half of the rounding error of a playlist's durations. */
const EDGE_TOLERANCE_SEC = 0.001

/** Returns the index of the newest segment that is complete once `mediaSec` seconds are published; −1 for none. */
export function findEdgeIndex(clip: Clip, mediaSec: number): number {
  return clip.segments.findLastIndex(
    (_, index) => findSegmentStartSec(clip, index + 1) <= mediaSec + EDGE_TOLERANCE_SEC,
  )
}

/** Returns where a segment begins in its clip, in seconds. */
export function findSegmentStartSec(clip: Clip, index: number): number {
  return clip.segments.slice(0, index).reduce((sum, segment) => sum + segment.durationSec, 0)
}

/** The window of a live playlist over a clip. */
export type LiveWindow = {
  /** Index of the first listed segment. */
  readonly first: number
  /** Index of the last listed segment. */
  readonly last: number
  /** Index of the first segment since the encoder's last restart: media sequence 0, after a discontinuity. */
  readonly origin: number
  readonly ended: boolean
}

export type PlaylistTags = {
  readonly mediaSequence: boolean
  /** Returns when a second of the clip is published, in ms since 1970; `null`: no EXT-X-PROGRAM-DATE-TIME. */
  readonly wallOf: ((mediaSec: number) => number) | null
  /** The folder of the segments' URLs. */
  readonly folder: string
  /** Returns the URL of a segment's key by the index of the segment; `null`: the segments are not encrypted. */
  readonly keyUrlOf: ((index: number) => string) | null
}

/** Formats a media playlist (RFC 8216 §4.3.3). */
export function formatLivePlaylist(clip: Clip, window: LiveWindow, tags: PlaylistTags): string {
  const { first, last, origin } = window
  const listed = clip.segments.slice(first, last + 1).flatMap((segment, offset) => {
    const index = first + offset
    return [
      index === origin && origin > 0 ? ['#EXT-X-DISCONTINUITY'] : [],
      tags.wallOf
        ? [`#EXT-X-PROGRAM-DATE-TIME:${new Date(tags.wallOf(findSegmentStartSec(clip, index))).toISOString()}`]
        : [],
      formatKey(index, offset === 0, tags),
      [`#EXTINF:${segment.durationSec.toFixed(6)},`, `${tags.folder}/${segment.name}`],
    ].flat()
  })
  return joinLines([
    ['#EXTM3U', `#EXT-X-VERSION:${clip.initPath === null ? 3 : 7}`, `#EXT-X-TARGETDURATION:${clip.targetDurationSec}`],
    tags.mediaSequence ? [`#EXT-X-MEDIA-SEQUENCE:${first - origin}`] : [],
    clip.initPath === null ? [] : [`#EXT-X-MAP:URI="${tags.folder}/init.mp4"`],
    listed,
    window.ended ? ['#EXT-X-ENDLIST'] : [],
  ])
}

/** Formats the key of a segment where it is the first one or has another key than the one before (RFC 8216 §4.3.2.4). */
function formatKey(index: number, isFirst: boolean, { keyUrlOf }: PlaylistTags): readonly string[] {
  if (keyUrlOf === null || (!isFirst && keyUrlOf(index) === keyUrlOf(index - 1))) return []
  return [`#EXT-X-KEY:METHOD=AES-128,URI="${keyUrlOf(index)}"`]
}

/** Formats a master playlist of one variant, `live.m3u8`, optionally with an audio rendition (RFC 8216 §4.3.4). */
export function formatMasterPlaylist(hasAudioRendition: boolean): string {
  const media = '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="sound",NAME="main",DEFAULT=YES,AUTOSELECT=YES,URI="sound.m3u8"'
  const variant = '#EXT-X-STREAM-INF:BANDWIDTH=800000,RESOLUTION=640x360,CODECS="avc1.42c01e,mp4a.40.2"'
  return joinLines([
    ['#EXTM3U', '#EXT-X-VERSION:6'],
    hasAudioRendition ? [media, `${variant},AUDIO="sound"`] : [variant],
    ['live.m3u8'],
  ])
}

function joinLines(groups: readonly (readonly string[])[]): string {
  return groups
    .flat()
    .map((line) => `${line}\n`)
    .join('')
}
