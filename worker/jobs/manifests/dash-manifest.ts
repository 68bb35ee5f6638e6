import type { OutputPlan } from '../plan/output-plan.ts'
import { measureTrackBitRates } from './bandwidth.ts'
import { BrokenSetError } from './broken-set-error.ts'
import { type ManifestTrack, segmentDurationSec, type SetTracks, type TrackSegment } from './manifest-track.ts'

export const DASH_MANIFEST = 'manifest.mpd'

const CHANNEL_SCHEME = 'urn:mpeg:dash:23003:3:audio_channel_configuration:2011'

/**
 * Returns the manifest of a static presentation (ISO/IEC 23009-1): an AdaptationSet for video and one for audio; each
 * Representation with its measured bit rate and exact segment times. `plan` must be the plan of the tracks.
 */
export function formatDashManifest(plan: OutputPlan, { video, audio }: SetTracks): string {
  const tracks = audio === null ? video : [...video, audio]
  const longestSec = Math.max(
    ...tracks.flatMap((track) => track.segments.map((segment) => segmentDurationSec(track, segment))),
  )
  return `${[
    '<?xml version="1.0" encoding="utf-8"?>',
    `<MPD${formatAttributes({
      xmlns: 'urn:mpeg:dash:schema:mpd:2011',
      profiles: 'urn:mpeg:dash:profile:isoff-live:2011',
      type: 'static',
      mediaPresentationDuration: formatDuration(Math.max(...tracks.map(endSec))),
      maxSegmentDuration: formatDuration(longestSec),
      minBufferTime: formatDuration(longestSec),
    })}>`,
    '  <Period id="0" start="PT0S">',
    ...formatVideoSet(plan, video),
    ...(audio === null ? [] : formatAudioSet(plan, audio, video.length === 0 ? '0' : '1')),
    '  </Period>',
    '</MPD>',
  ].join('\n')}\n`
}

function formatVideoSet(plan: OutputPlan, tracks: readonly ManifestTrack[]): string[] {
  if (tracks.length === 0 || plan.video === null) return []
  const { renditions, fps } = plan.video
  const frameRate = fps.den === 1 ? String(fps.num) : `${fps.num}/${fps.den}`
  return [
    `    <AdaptationSet${formatAttributes({
      id: '0',
      contentType: 'video',
      mimeType: 'video/mp4',
      ...alignmentAttributes(tracks),
      frameRate,
      maxWidth: String(Math.max(...renditions.map(({ width }) => width))),
      maxHeight: String(Math.max(...renditions.map(({ height }) => height))),
    })}>`,
    ...tracks.flatMap((track) => {
      const rendition = renditions.find(({ index }) => index === track.index)
      if (rendition === undefined)
        throw new BrokenSetError('NO_VIDEO_STREAM', null, `track ${track.index} is not in the plan`)
      const size = { width: String(rendition.width), height: String(rendition.height), sar: '1:1' }
      return formatRepresentation(track, size, [])
    }),
    '    </AdaptationSet>',
  ]
}

function formatAudioSet({ audio }: OutputPlan, track: ManifestTrack, id: string): string[] {
  if (audio === null) return []
  const channels = formatAttributes({ schemeIdUri: CHANNEL_SCHEME, value: String(audio.channels) })
  return [
    `    <AdaptationSet${formatAttributes({ id, contentType: 'audio', mimeType: 'audio/mp4', ...alignmentAttributes([track]) })}>`,
    ...formatRepresentation(track, { audioSamplingRate: String(audio.sampleRate) }, [
      `        <AudioChannelConfiguration${channels}/>`,
    ]),
    '    </AdaptationSet>',
  ]
}

/** Returns the alignment of tracks. All segments begin with a keyframe; they are aligned where their starts are equal. */
function alignmentAttributes(tracks: readonly ManifestTrack[]): Record<string, string> {
  const grids = new Set(tracks.map((track) => track.segments.map(({ start }) => start / track.timescale).join(' ')))
  return { segmentAlignment: String(grids.size === 1), startWithSAP: '1' }
}

function formatRepresentation(
  track: ManifestTrack,
  properties: Record<string, string>,
  children: readonly string[],
): string[] {
  const bandwidth = String(measureTrackBitRates(track).peak)
  const id = String(track.index)
  return [
    `      <Representation${formatAttributes({ id, codecs: track.codecs.join(','), bandwidth, ...properties })}>`,
    ...children,
    `        <SegmentTemplate${formatAttributes({
      timescale: String(track.timescale),
      initialization: 'init_$RepresentationID$.m4s',
      media: `chunk_$RepresentationID$_${numberTemplate(track.segments[0].name)}.m4s`,
      startNumber: '1',
    })}>`,
    '          <SegmentTimeline>',
    ...timelineEntries(track.segments).map((entry) => `            <S${formatAttributes(entry)}/>`),
    '          </SegmentTimeline>',
    '        </SegmentTemplate>',
    '      </Representation>',
  ]
}

/** Returns the `$Number$` template. Numbers are padded with zeros where the number of the first segment, 1, is. */
function numberTemplate(firstName: string): string {
  const digits = /(\d+)\.m4s$/.exec(firstName)?.[1]?.length ?? 1
  return digits === 1 ? '$Number$' : `$Number%0${digits}d$`
}

/** Returns the S elements: consecutive segments of the same duration are one entry with a repeat count `r`. */
function timelineEntries(segments: readonly TrackSegment[]): Record<string, string>[] {
  const runs: { start: number; duration: number; count: number }[] = []
  for (const { start, duration } of segments) {
    const last = runs.at(-1)
    if (last?.duration === duration) last.count += 1
    else runs.push({ start, duration, count: 1 })
  }
  return runs.map(({ start, duration, count }, at) => ({
    ...(at === 0 ? { t: String(start) } : {}),
    d: String(duration),
    ...(count === 1 ? {} : { r: String(count - 1) }),
  }))
}

function endSec(track: ManifestTrack): number {
  const last = track.segments.at(-1) ?? track.segments[0]
  return (last.start + last.duration) / track.timescale
}

/** Returns an ISO 8601 duration, rounded up to milliseconds. */
function formatDuration(seconds: number): string {
  return `PT${(Math.ceil(seconds * 1000 - 1e-6) / 1000).toString()}S`
}

/** Formats attributes. Values need no escaping: all are numbers, codec strings and names of the layout. */
function formatAttributes(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([name, value]) => ` ${name}="${value}"`)
    .join('')
}
