import type { OutputPlan } from '../output-plan.ts'
import { measureBitRates } from './bandwidth.ts'
import type { SetTracks } from './hls-playlists.ts'
import { SetFault } from './set-fault.ts'
import { type Segment, segmentSec, type Track } from './track.ts'

export const DASH_MANIFEST = 'manifest.mpd'

const CHANNEL_SCHEME = 'urn:mpeg:dash:23003:3:audio_channel_configuration:2011'

/**
 * The manifest of a static presentation (ISO/IEC 23009-1): one adaptation set for the picture, one for the sound, each
 * representation with its measured bit rate and the exact times of its segments. `plan` must be the one by which the
 * tracks were encoded.
 */
export function writeDashManifest(plan: OutputPlan, { video, audio }: SetTracks): string {
  const tracks = audio === null ? video : [...video, audio]
  const longestSec = Math.max(...tracks.flatMap((track) => track.segments.map((segment) => segmentSec(track, segment))))
  return `${[
    '<?xml version="1.0" encoding="utf-8"?>',
    `<MPD${attributes({
      xmlns: 'urn:mpeg:dash:schema:mpd:2011',
      profiles: 'urn:mpeg:dash:profile:isoff-live:2011',
      type: 'static',
      mediaPresentationDuration: xmlDuration(Math.max(...tracks.map(endSec))),
      maxSegmentDuration: xmlDuration(longestSec),
      minBufferTime: xmlDuration(longestSec),
    })}>`,
    '  <Period id="0" start="PT0S">',
    ...pictureSet(plan, video),
    ...(audio === null ? [] : soundSet(plan, audio, video.length === 0 ? '0' : '1')),
    '  </Period>',
    '</MPD>',
  ].join('\n')}\n`
}

function pictureSet(plan: OutputPlan, tracks: readonly Track[]): string[] {
  if (tracks.length === 0 || plan.video === null) return []
  const { renditions, fps } = plan.video
  const frameRate = fps.den === 1 ? String(fps.num) : `${fps.num}/${fps.den}`
  return [
    `    <AdaptationSet${attributes({
      id: '0',
      contentType: 'video',
      mimeType: 'video/mp4',
      ...alignment(tracks),
      frameRate,
      maxWidth: String(Math.max(...renditions.map(({ width }) => width))),
      maxHeight: String(Math.max(...renditions.map(({ height }) => height))),
    })}>`,
    ...tracks.flatMap((track) => {
      const rendition = renditions.find(({ index }) => index === track.index)
      if (rendition === undefined) throw new SetFault('NO_VIDEO_STREAM', null, `track ${track.index} was not planned`)
      const size = { width: String(rendition.width), height: String(rendition.height), sar: '1:1' }
      return representation(track, size, [])
    }),
    '    </AdaptationSet>',
  ]
}

function soundSet({ audio }: OutputPlan, track: Track, id: string): string[] {
  if (audio === null) return []
  const channels = attributes({ schemeIdUri: CHANNEL_SCHEME, value: String(audio.channels) })
  return [
    `    <AdaptationSet${attributes({ id, contentType: 'audio', mimeType: 'audio/mp4', ...alignment([track]) })}>`,
    ...representation(track, { audioSamplingRate: String(audio.sampleRate) }, [
      `        <AudioChannelConfiguration${channels}/>`,
    ]),
    '    </AdaptationSet>',
  ]
}

/** Every segment begins with a key frame; they are aligned where all begin at the same times. */
function alignment(tracks: readonly Track[]): Record<string, string> {
  const grids = new Set(tracks.map((track) => track.segments.map(({ start }) => start / track.timescale).join(' ')))
  return { segmentAlignment: String(grids.size === 1), startWithSAP: '1' }
}

function representation(track: Track, properties: Record<string, string>, children: readonly string[]): string[] {
  const bandwidth = String(measureBitRates(track).peak)
  const id = String(track.index)
  return [
    `      <Representation${attributes({ id, codecs: track.codecs.join(','), bandwidth, ...properties })}>`,
    ...children,
    `        <SegmentTemplate${attributes({
      timescale: String(track.timescale),
      initialization: 'init_$RepresentationID$.m4s',
      media: `chunk_$RepresentationID$_${numberTemplate(track.segments[0].name)}.m4s`,
      startNumber: '1',
    })}>`,
    '          <SegmentTimeline>',
    ...timeline(track.segments).map((entry) => `            <S${attributes(entry)}/>`),
    '          </SegmentTimeline>',
    '        </SegmentTemplate>',
    '      </Representation>',
  ]
}

/** Numbers are padded with zeros where that of the first segment, 1, is. */
function numberTemplate(firstName: string): string {
  const digits = /(\d+)\.m4s$/.exec(firstName)?.[1]?.length ?? 1
  return digits === 1 ? '$Number$' : `$Number%0${digits}d$`
}

/** Segments of one length that follow one another are one entry, `r` more of them. */
function timeline(segments: readonly Segment[]): Record<string, string>[] {
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

function endSec(track: Track): number {
  const last = track.segments.at(-1) ?? track.segments[0]
  return (last.start + last.duration) / track.timescale
}

/** ISO 8601, rounded up to milliseconds. */
function xmlDuration(seconds: number): string {
  return `PT${(Math.ceil(seconds * 1000 - 1e-6) / 1000).toString()}S`
}

/** No value holds what XML would have to be told of: all are numbers, codecs and names of ours. */
function attributes(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([name, value]) => ` ${name}="${value}"`)
    .join('')
}
