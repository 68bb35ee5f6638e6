import type { FrameRate, OutputPlan, PlannedRendition } from '../plan/output-plan.ts'
import { measureTrackBitRates, type TrackBitRates } from './bandwidth.ts'
import { type ManifestTrack, type SetTracks, targetDurationSec, type TrackSegment } from './manifest-track.ts'

export const MASTER_PLAYLIST = 'master.m3u8'

/** Protocol versions (RFC 8216 §7): 3 for fractional durations, 6 for EXT-X-MAP in every playlist. */
const TS_VERSION = 3
const FMP4_VERSION = 6

/** GROUP-ID of the separate audio rendition. */
const AUDIO_GROUP = 'sound'

/** Returns the name of a rendition's media playlist. */
export function streamPlaylistName({ index }: Pick<ManifestTrack, 'index'>): string {
  return `stream_${index}.m3u8`
}

/** Returns a rendition's media playlist (RFC 8216 §4.3.2 and §4.3.3), complete with EXT-X-ENDLIST. */
export function formatStreamPlaylist(track: ManifestTrack): string {
  return joinLines([
    '#EXTM3U',
    `#EXT-X-VERSION:${requiredVersion(track)}`,
    `#EXT-X-TARGETDURATION:${targetDurationSec(track)}`,
    '#EXT-X-MEDIA-SEQUENCE:0',
    '#EXT-X-PLAYLIST-TYPE:VOD',
    ...(track.initName === null ? [] : [`#EXT-X-MAP:URI="${track.initName}"`]),
    ...track.segments.flatMap((segment) => [`#EXTINF:${formatExtinf(track, segment)},`, segment.name]),
    '#EXT-X-ENDLIST',
  ])
}

/** Returns the duration between the rounded start and the rounded end, so that rounding errors do not accumulate. */
function formatExtinf({ timescale }: ManifestTrack, { start, duration }: TrackSegment): string {
  const micros = (time: number) => Math.round((time * 1_000_000) / timescale)
  return ((micros(start + duration) - micros(start)) / 1_000_000).toFixed(6)
}

/**
 * Returns the master playlist (RFC 8216 §4.3.4): each variant with its measured bit rates, audio included, and with its
 * codecs, resolution and frame rate. `plan` must be the plan that the tracks were encoded by.
 */
export function formatMasterPlaylist(plan: OutputPlan, { video, audio }: SetTracks): string {
  const variants = video.length === 0 && audio !== null ? [formatVariant(plan, audio, null)] : []
  const separateAudio = video.length === 0 ? null : audio
  return joinLines([
    '#EXTM3U',
    `#EXT-X-VERSION:${Math.max(...[...video, audio].map((track) => (track === null ? 0 : requiredVersion(track))))}`,
    '#EXT-X-INDEPENDENT-SEGMENTS',
    ...(separateAudio === null ? [] : [formatAudioRendition(plan, separateAudio)]),
    ...[...variants, ...video.map((track) => formatVariant(plan, track, separateAudio))].flat(),
  ])
}

function formatAudioRendition({ audio }: OutputPlan, track: ManifestTrack): string {
  return `#EXT-X-MEDIA:${formatAttributes([
    ['TYPE', 'AUDIO'],
    ['GROUP-ID', quote(AUDIO_GROUP)],
    ['NAME', quote('Sound')],
    ['DEFAULT', 'YES'],
    ['AUTOSELECT', 'YES'],
    ['CHANNELS', audio === null ? null : quote(String(audio.channels))],
    ['URI', quote(streamPlaylistName(track))],
  ])}`
}

/** Returns the lines of a variant; `separateAudio` is the audio rendition that is played with the track. */
function formatVariant(plan: OutputPlan, track: ManifestTrack, separateAudio: ManifestTrack | null): string[] {
  const rates = [track, separateAudio].flatMap((part) => (part === null ? [] : [measureTrackBitRates(part)]))
  const rendition = plan.video?.renditions.find(({ index }) => index === track.index)
  const tag = formatAttributes([
    ['BANDWIDTH', String(sum(rates, 'peak'))],
    ['AVERAGE-BANDWIDTH', String(sum(rates, 'average'))],
    ['CODECS', quote([...track.codecs, ...(separateAudio?.codecs ?? [])].join(','))],
    ['RESOLUTION', rendition === undefined ? null : formatResolution(rendition)],
    ['FRAME-RATE', plan.video === null ? null : formatFrameRate(plan.video.fps)],
    ['AUDIO', separateAudio === null ? null : quote(AUDIO_GROUP)],
  ])
  return [`#EXT-X-STREAM-INF:${tag}`, streamPlaylistName(track)]
}

function sum(rates: readonly TrackBitRates[], key: keyof TrackBitRates): number {
  return rates.reduce((total, rate) => total + rate[key], 0)
}

function formatResolution({ width, height }: PlannedRendition): string {
  return `${width}x${height}`
}

function formatFrameRate({ num, den }: FrameRate): string {
  return (num / den).toFixed(3)
}

function requiredVersion({ initName }: ManifestTrack): number {
  return initName === null ? TS_VERSION : FMP4_VERSION
}

function formatAttributes(pairs: readonly (readonly [string, string | null])[]): string {
  return pairs.flatMap(([name, value]) => (value === null ? [] : [`${name}=${value}`])).join(',')
}

function quote(value: string): string {
  return `"${value}"`
}

function joinLines(all: readonly string[]): string {
  return `${all.join('\n')}\n`
}
