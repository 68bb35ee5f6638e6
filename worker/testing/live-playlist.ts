import type { Clip } from './media.ts'

/** Half of the rounding of a playlist's durations. */
const EDGE_TOLERANCE_SEC = 0.001

/** The index of the newest segment that is whole once `mediaSec` seconds of a clip have gone out; −1: none is. */
export function edgeIndex(clip: Clip, mediaSec: number): number {
  return clip.segments.findLastIndex((_, index) => startSec(clip, index + 1) <= mediaSec + EDGE_TOLERANCE_SEC)
}

/** Where a segment begins in its clip. */
export function startSec(clip: Clip, index: number): number {
  return clip.segments.slice(0, index).reduce((sum, segment) => sum + segment.durationSec, 0)
}

/** What a live playlist shows of a clip. */
export type LiveWindow = {
  /** The segments shown: from `first` to `last`, both included. */
  readonly first: number
  readonly last: number
  /** The segment with which this run of the encoder began: media sequence 0, and a discontinuity but for the first run. */
  readonly origin: number
  readonly ended: boolean
}

export type PlaylistTags = {
  readonly mediaSequence: boolean
  /** When a second of the clip goes out, in ms since 1970; `null`: no EXT-X-PROGRAM-DATE-TIME. */
  readonly wallOf: ((mediaSec: number) => number) | null
  /** The folder in which the segments' URLs stand. */
  readonly folder: string
}

/** A media playlist (RFC 8216 §4.3.3). */
export function livePlaylist(clip: Clip, window: LiveWindow, tags: PlaylistTags): string {
  const { first, last, origin } = window
  const shown = clip.segments.slice(first, last + 1).flatMap((segment, offset) => {
    const index = first + offset
    return [
      index === origin && origin > 0 ? ['#EXT-X-DISCONTINUITY'] : [],
      tags.wallOf ? [`#EXT-X-PROGRAM-DATE-TIME:${new Date(tags.wallOf(startSec(clip, index))).toISOString()}`] : [],
      [`#EXTINF:${segment.durationSec.toFixed(6)},`, `${tags.folder}/${segment.name}`],
    ].flat()
  })
  return lines([
    ['#EXTM3U', `#EXT-X-VERSION:${clip.initPath === null ? 3 : 7}`, `#EXT-X-TARGETDURATION:${clip.targetDurationSec}`],
    tags.mediaSequence ? [`#EXT-X-MEDIA-SEQUENCE:${first - origin}`] : [],
    clip.initPath === null ? [] : [`#EXT-X-MAP:URI="${tags.folder}/init.mp4"`],
    shown,
    window.ended ? ['#EXT-X-ENDLIST'] : [],
  ])
}

/** A master playlist with one variant, `live.m3u8`, whose sound may be a rendition of its own (RFC 8216 §4.3.4). */
export function masterPlaylist(soundApart: boolean): string {
  const media = '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="sound",NAME="main",DEFAULT=YES,AUTOSELECT=YES,URI="sound.m3u8"'
  const variant = '#EXT-X-STREAM-INF:BANDWIDTH=800000,RESOLUTION=640x360,CODECS="avc1.42c01e,mp4a.40.2"'
  return lines([
    ['#EXTM3U', '#EXT-X-VERSION:6'],
    soundApart ? [media, `${variant},AUDIO="sound"`] : [variant],
    ['live.m3u8'],
  ])
}

function lines(groups: readonly (readonly string[])[]): string {
  return groups
    .flat()
    .map((line) => `${line}\n`)
    .join('')
}
