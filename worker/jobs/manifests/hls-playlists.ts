import type { OutputPlan, PlannedRendition, Rational } from '../output-plan.ts'
import { type BitRates, measureBitRates } from './bandwidth.ts'
import { type Segment, targetDurationSec, type Track } from './track.ts'

export const MASTER_PLAYLIST = 'master.m3u8'

/** Protocol versions (RFC 8216 §7): 3 has fractions of a second, 6 has EXT-X-MAP in any playlist. */
const TS_VERSION = 3
const FMP4_VERSION = 6

/** GROUP-ID of the sound that stands beside the picture. */
const SOUND_GROUP = 'sound'

/** Name of a rendition's playlist. */
export function streamPlaylistName({ index }: Pick<Track, 'index'>): string {
  return `stream_${index}.m3u8`
}

/** A rendition's playlist (RFC 8216 §4.3.2 and §4.3.3), complete from the start. */
export function writeStreamPlaylist(track: Track): string {
  return lines([
    '#EXTM3U',
    `#EXT-X-VERSION:${versionOf(track)}`,
    `#EXT-X-TARGETDURATION:${targetDurationSec(track)}`,
    '#EXT-X-MEDIA-SEQUENCE:0',
    '#EXT-X-PLAYLIST-TYPE:VOD',
    ...(track.initName === null ? [] : [`#EXT-X-MAP:URI="${track.initName}"`]),
    ...track.segments.flatMap((segment) => [`#EXTINF:${extinf(track, segment)},`, segment.name]),
    '#EXT-X-ENDLIST',
  ])
}

/** Rounded from where it begins to where it ends, so that what is rounded does not add up over a film. */
function extinf({ timescale }: Track, { start, duration }: Segment): string {
  const micros = (time: number) => Math.round((time * 1_000_000) / timescale)
  return ((micros(start + duration) - micros(start)) / 1_000_000).toFixed(6)
}

/** Renditions of a set: `video` has the sound in it, or beside it in `audio`; without a picture there is only that. */
export type SetTracks = { readonly video: readonly Track[]; readonly audio: Track | null }

/**
 * The master playlist (RFC 8216 §4.3.4): every size with its measured bit rates, sound included, what decodes it and
 * how it is shown. `plan` must be the one by which the tracks were encoded.
 */
export function writeMasterPlaylist(plan: OutputPlan, { video, audio }: SetTracks): string {
  const variants = video.length === 0 && audio !== null ? [variant(plan, audio, null)] : []
  const sound = video.length === 0 ? null : audio
  return lines([
    '#EXTM3U',
    `#EXT-X-VERSION:${Math.max(...[...video, audio].map((track) => (track === null ? 0 : versionOf(track))))}`,
    '#EXT-X-INDEPENDENT-SEGMENTS',
    ...(sound === null ? [] : [soundRendition(plan, sound)]),
    ...[...variants, ...video.map((track) => variant(plan, track, sound))].flat(),
  ])
}

function soundRendition({ audio }: OutputPlan, track: Track): string {
  return `#EXT-X-MEDIA:${attributes([
    ['TYPE', 'AUDIO'],
    ['GROUP-ID', quoted(SOUND_GROUP)],
    ['NAME', quoted('Sound')],
    ['DEFAULT', 'YES'],
    ['AUTOSELECT', 'YES'],
    ['CHANNELS', audio === null ? null : quoted(String(audio.channels))],
    ['URI', quoted(streamPlaylistName(track))],
  ])}`
}

/** `sound` is what is heard with this track and not part of it. */
function variant(plan: OutputPlan, track: Track, sound: Track | null): string[] {
  const rates = [track, sound].flatMap((part) => (part === null ? [] : [measureBitRates(part)]))
  const rendition = plan.video?.renditions.find(({ index }) => index === track.index)
  const tag = attributes([
    ['BANDWIDTH', String(sum(rates, 'peak'))],
    ['AVERAGE-BANDWIDTH', String(sum(rates, 'average'))],
    ['CODECS', quoted([...track.codecs, ...(sound?.codecs ?? [])].join(','))],
    ['RESOLUTION', rendition === undefined ? null : resolution(rendition)],
    ['FRAME-RATE', plan.video === null ? null : frameRate(plan.video.fps)],
    ['AUDIO', sound === null ? null : quoted(SOUND_GROUP)],
  ])
  return [`#EXT-X-STREAM-INF:${tag}`, streamPlaylistName(track)]
}

function sum(rates: readonly BitRates[], key: keyof BitRates): number {
  return rates.reduce((total, rate) => total + rate[key], 0)
}

function resolution({ width, height }: PlannedRendition): string {
  return `${width}x${height}`
}

function frameRate({ num, den }: Rational): string {
  return (num / den).toFixed(3)
}

function versionOf({ initName }: Track): number {
  return initName === null ? TS_VERSION : FMP4_VERSION
}

function attributes(pairs: readonly (readonly [string, string | null])[]): string {
  return pairs.flatMap(([name, value]) => (value === null ? [] : [`${name}=${value}`])).join(',')
}

function quoted(value: string): string {
  return `"${value}"`
}

function lines(all: readonly string[]): string {
  return `${all.join('\n')}\n`
}
