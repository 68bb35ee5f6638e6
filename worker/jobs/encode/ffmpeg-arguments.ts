import type { EncodePlan, InputPlan } from '../plan/encode-plan.ts'
import { countSegmentFrames } from '../plan/frame-rate.ts'
import type { PlannedRendition } from '../plan/output-plan.ts'
import {
  buildAudioEncoderArgs,
  buildVideoEncoderArgs,
  formatSegmentSec,
  type VideoStream,
} from './encoder-arguments.ts'
import { buildFilterGraph } from './filter-graph.ts'
import { buildFileArgs, watchClock } from './sound-arguments.ts'

/** Options of every run: errors on stderr, progress on stdout, and failure where an output stream stays empty. */
export const COMMON_OPTIONS: readonly string[] = [
  ['-nostdin', '-hide_banner', '-v', 'error', '-nostats', '-progress', 'pipe:1', '-stats_period', '0.5'],
  ['-abort_on', 'empty_output_stream'],
].flat()

/** The input's metadata (location, title, chapters) must not appear in the output. */
const STRIP_METADATA = ['-map_metadata', '-1', '-map_chapters', '-1']

/** The decoded sound on stdin, with its own times: ffmpeg would otherwise subtract the first of them. */
const SOUND_INPUT = ['-protocol_whitelist', 'pipe', '-seek_timestamp', '1', '-f', 'nut', '-i', 'pipe:0']

/**
 * Returns the arguments of the ffmpeg run that makes a whole output; it reads the sound of `buildSoundArgs` from stdin: `output.mp4` (audio alone: `output.m4a`);
 * `segment_N_NNN.ts`, from 000, with audio in each rendition; or `init_N.m4s` and `chunk_N_N.m4s`, from 1, with the audio
 * as the last N. ffmpeg also writes playlists or a manifest.
 */
export function buildEncodeArgs(plan: EncodePlan, inputPath: string): string[] {
  const hasAudioPerRendition = plan.container === 'hls' && plan.video !== null
  const audioCopies = hasAudioPerRendition ? (plan.video?.renditions.length ?? 1) : 1
  const graph = buildFilterGraph(plan, { audioCopies })
  const { video, audio } = plan.input
  const watched = video === null || audio === null || audio.isSilent ? [] : watchClock(plan.input, audio.index)
  const outputs = [...buildOutputArgs(plan, encodeTracks(plan)), ...watched]
  return [COMMON_OPTIONS, buildInputArgs(plan.input, inputPath), ['-filter_complex', graph], outputs].flat()
}

/** Arguments that map a track into an output, and say how it is encoded. */
export type TrackArgs = {
  readonly video: (rendition: PlannedRendition, stream: VideoStream) => readonly string[]
  /** The audio, for the nth time; none where the output has no audio. */
  readonly audio: (copy: number) => readonly string[]
}

/** Returns the arguments of the output files, for tracks of any origin. */
export function buildOutputArgs(plan: EncodePlan, tracks: TrackArgs): string[] {
  return OUTPUT_ARGS[plan.container](plan, tracks)
}

/** Maps the tracks from the filter graph, through the plan's encoders. */
function encodeTracks(plan: EncodePlan): TrackArgs {
  const { video, audio } = plan
  return {
    video: (rendition, stream) =>
      video === null ? [] : ['-map', `[v${rendition.index}]`, ...buildVideoEncoderArgs(video, rendition, stream)],
    audio: (copy) => (audio === null ? [] : ['-map', `[a${copy}]`, ...buildAudioEncoderArgs(plan)]),
  }
}

/** Returns the arguments that open the inputs: the file for the video, and the decoded sound. */
function buildInputArgs(input: InputPlan, inputPath: string): string[] {
  const { video, audio } = input
  const file = video === null ? [] : [...frameOptions(video), ...buildFileArgs(input, inputPath)]
  return [...file, ...(audio === null ? [] : SOUND_INPUT)]
}

/**
 * Returns input options by which the filter graph outlasts a change of the picture's size or format. Where ffmpeg turns the
 * frames, it must build the graph anew: its own filters cannot follow a change.
 */
export function frameOptions({ shape }: NonNullable<InputPlan['video']>): readonly string[] {
  return shape.isTurned ? [] : ['-noautorotate', '-reinit_filter', '0']
}

const OUTPUT_ARGS: Record<EncodePlan['container'], (plan: EncodePlan, tracks: TrackArgs) => string[]> = {
  mp4: buildSingleFileArgs,
  hls: buildHlsArgs,
  dash: buildFragmentArgs,
  cmaf: buildFragmentArgs,
}

function buildSingleFileArgs({ video }: EncodePlan, tracks: TrackArgs): string[] {
  const name = video === null ? 'output.m4a' : 'output.mp4'
  const videoArgs = video === null ? [] : tracks.video(video.renditions[0], { stream: 0, isSegmented: false })
  return [videoArgs, tracks.audio(0), STRIP_METADATA, ['-movflags', '+faststart', '-f', 'mp4', name]].flat()
}

/** Returns one ffmpeg output for each rendition. */
function buildHlsArgs(plan: EncodePlan, tracks: TrackArgs): string[] {
  const { video } = plan
  const muxer = (index: number) => [
    ['-f', 'hls', '-hls_time', formatSegmentDuration(plan), '-hls_playlist_type', 'vod'],
    ['-hls_segment_filename', `segment_${index}_%03d.ts`, `stream_${index}.m3u8`],
  ]
  if (video === null) return [tracks.audio(0), STRIP_METADATA, ...muxer(0)].flat()
  const buildOutput = (rendition: PlannedRendition) => [
    tracks.video(rendition, { stream: 0, isSegmented: true }),
    tracks.audio(rendition.index),
    STRIP_METADATA,
    ...muxer(rendition.index),
  ]
  return video.renditions.flatMap(buildOutput).flat()
}

/** Returns one ffmpeg output with every track: each is a representation in an adaptation set of its own. */
function buildFragmentArgs(plan: EncodePlan, tracks: TrackArgs): string[] {
  const renditions = plan.video?.renditions ?? []
  return [
    renditions.flatMap((rendition) => tracks.video(rendition, { stream: rendition.index, isSegmented: true })),
    tracks.audio(0),
    STRIP_METADATA,
    ['-f', 'dash', '-dash_segment_type', 'mp4', '-seg_duration', formatSegmentDuration(plan)],
    ['-init_seg_name', 'init_$RepresentationID$.m4s', '-media_seg_name', 'chunk_$RepresentationID$_$Number$.m4s'],
    ['manifest.mpd'],
  ].flat()
}

function formatSegmentDuration({ video, segmentSec }: EncodePlan): string {
  const sec = segmentSec ?? 0
  return video === null ? sec.toFixed(6) : formatSegmentSec(countSegmentFrames(video.fps, sec), video.fps)
}
