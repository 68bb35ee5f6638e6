import { INPUT_OPTIONS, inputUrl } from '../../platform/media-input.ts'
import type { EncodePlan } from '../encode-plan.ts'
import { segmentFrames } from '../frame-grid.ts'
import type { PlannedRendition } from '../output-plan.ts'
import { audioEncoderArgs, cutSec, videoEncoderArgs } from './encoders.ts'
import { filterGraph } from './filters.ts'

/** What every run of ours says: errors on stderr, how far it is on stdout, and an output without a stream is an error. */
export const QUIET = [
  ['-nostdin', '-hide_banner', '-v', 'error', '-nostats', '-progress', 'pipe:1', '-stats_period', '0.5'],
  ['-abort_on', 'empty_output_stream'],
].flat()

/** Whatever the source says of itself (where it was filmed, its title, chapters) stays out of the output. */
const NO_METADATA = ['-map_metadata', '-1', '-map_chapters', '-1']

/**
 * Arguments of the one ffmpeg run that makes a whole output in its working folder: `output.mp4` (`output.m4a` where it
 * is sound alone); `segment_N_NNN.ts`, from 000, with the sound in each rendition; or `init_N.m4s` and `chunk_N_N.m4s`,
 * from 1, with the sound as the last N. Playlists and manifests of ffmpeg's own lie beside them.
 */
export function encodeArgs(plan: EncodePlan, sourcePath: string): string[] {
  const isRepeated = plan.container === 'hls' && plan.video !== null
  const sounds = isRepeated ? (plan.video?.renditions.length ?? 1) : 1
  const graph = filterGraph(plan, { sounds })
  return [QUIET, inputArgs(plan, sourcePath), ['-filter_complex', graph], outputArgs(plan, encoded(plan))].flat()
}

/** Arguments that map a track, and say how it gets into the output. */
export type Tracks = {
  /** A rendition, as the output's video stream number `stream`. */
  readonly picture: (rendition: PlannedRendition, of: { stream: number; isSegmented: boolean }) => readonly string[]
  /** The sound, for the `copy`th time; there may be none. */
  readonly sound: (copy: number) => readonly string[]
}

/** Everything of `encodeArgs` behind its input: what is made of the tracks, wherever they come from. */
export function outputArgs(plan: EncodePlan, tracks: Tracks): string[] {
  return OUTPUTS[plan.container](plan, tracks)
}

/** Out of the filter graph, through the plan's encoders. */
function encoded(plan: EncodePlan): Tracks {
  const { video, audio } = plan
  return {
    picture: (rendition, of) =>
      video === null ? [] : ['-map', `[v${rendition.index}]`, ...videoEncoderArgs(video, rendition, of)],
    sound: (copy) => (audio === null ? [] : ['-map', `[a${copy}]`, ...audioEncoderArgs(plan)]),
  }
}

/**
 * In formats whose clock may jump (MPEG-TS), ffmpeg takes for 0 where the first track begins that it decodes, and not
 * where the file does, but only as long as times are not moved by anything else. This is less than a tick of theirs.
 */
const HELD_CLOCK_SEC = 1e-6

/**
 * How the source is opened, up to `-i` and its file. Everything from the key frame on is decoded: a frame that is shown
 * at a clip's start may be an old one. The graph ends the run when it has what it needs.
 */
function inputArgs({ reading }: EncodePlan, sourcePath: string): string[] {
  const { seekSec } = reading
  const seek = seekSec === null ? [] : ['-noaccurate_seek', '-ss', seekSec.toFixed(6)]
  // ffmpeg takes the place that it seeks to off all times; the offset puts it back.
  const offsetSec = (seekSec ?? 0) + HELD_CLOCK_SEC
  return [...INPUT_OPTIONS, ...seek, '-itsoffset', offsetSec.toFixed(6), '-i', inputUrl(sourcePath)]
}

const OUTPUTS: Record<EncodePlan['container'], (plan: EncodePlan, tracks: Tracks) => string[]> = {
  mp4: singleFile,
  hls: transportStreams,
  dash: fragments,
  cmaf: fragments,
}

function singleFile({ video }: EncodePlan, { picture, sound }: Tracks): string[] {
  const name = video === null ? 'output.m4a' : 'output.mp4'
  const renditions = video === null ? [] : picture(video.renditions[0], { stream: 0, isSegmented: false })
  return [renditions, sound(0), NO_METADATA, ['-movflags', '+faststart', '-f', 'mp4', name]].flat()
}

/** An output of its own for each rendition. */
function transportStreams(plan: EncodePlan, { picture, sound }: Tracks): string[] {
  const { video } = plan
  const muxing = (index: number) => [
    ['-f', 'hls', '-hls_time', segmentCut(plan), '-hls_playlist_type', 'vod'],
    ['-hls_segment_filename', `segment_${index}_%03d.ts`, `stream_${index}.m3u8`],
  ]
  if (video === null) return [sound(0), NO_METADATA, ...muxing(0)].flat()
  const output = (rendition: PlannedRendition) => [
    picture(rendition, { stream: 0, isSegmented: true }),
    sound(rendition.index),
    NO_METADATA,
    ...muxing(rendition.index),
  ]
  return video.renditions.flatMap(output).flat()
}

/** One output with every track: each a representation, and none in a set with another, whose shapes could differ. */
function fragments(plan: EncodePlan, { picture, sound }: Tracks): string[] {
  const renditions = plan.video?.renditions ?? []
  return [
    renditions.flatMap((one) => picture(one, { stream: one.index, isSegmented: true })),
    sound(0),
    NO_METADATA,
    ['-f', 'dash', '-dash_segment_type', 'mp4', '-seg_duration', segmentCut(plan)],
    ['-init_seg_name', 'init_$RepresentationID$.m4s', '-media_seg_name', 'chunk_$RepresentationID$_$Number$.m4s'],
    ['manifest.mpd'],
  ].flat()
}

function segmentCut({ video, segmentSec }: EncodePlan): string {
  const sec = segmentSec ?? 0
  return video === null ? sec.toFixed(6) : cutSec(segmentFrames(video.fps, sec), video.fps)
}
