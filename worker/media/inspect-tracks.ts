import { PROGRAM_LIMITS } from '../platform/program-limits.ts'
import { runProgram, type ProgramOptions } from '../platform/run-program.ts'
import { chooseTracks } from './choose-tracks.ts'
import type { FfprobeStream, InspectedFile } from './ffprobe-output.ts'
import { INPUT_OPTIONS, toInputUrl } from './media-input.ts'
import type { TrackProblem } from './probed-media.ts'
import { describeUndecodable } from './track-problems.ts'

/** Number of first packets of a file that its headers are judged by: about ten seconds of picture and sound. */
export const HEAD_PACKETS = 600

/** Tracks that may turn out to be of no use, one after the other. */
const MAX_ATTEMPTS = 8

/**
 * Returns the file with the problems of tracks that would be chosen but hold nothing that can be decoded. Only a track
 * in doubt is decoded, up to its first frame: one of unknown format, or without a packet among the first of the file.
 */
export async function inspectTracks(
  ffmpegPath: string,
  file: { readonly path: string; readonly media: InspectedFile },
  options: ProgramOptions,
): Promise<InspectedFile> {
  const problems = new Map(listEmptyTracks(file.media))
  const decoded = new Set<number>()
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    const media = { ...file.media, problems }
    const { video, audio } = chooseTracks(media)
    const doubtful = [video, audio].find((track) => track && !decoded.has(track.index) && isDoubtful(track, media))
    if (doubtful === undefined) break
    decoded.add(doubtful.index)
    const canBeDecoded = await decodesOneFrame(ffmpegPath, { path: file.path, index: doubtful.index }, options)
    if (!canBeDecoded) problems.set(doubtful.index, describeEmptyTrack(doubtful, media))
  }
  return { ...file.media, problems }
}

/** Returns the tracks without packets of a file all of whose packets are known. */
function listEmptyTracks(media: InspectedFile): readonly (readonly [number, TrackProblem])[] {
  if (media.packets.length >= HEAD_PACKETS) return []
  const empty = media.streams.filter((track) => !hasPackets(track, media))
  return empty.map((track) => [track.index, describeEmptyTrack(track, media)])
}

/** Returns whether a track may have no packets, or no decoder: ffprobe then does not know the format of its frames. */
function isDoubtful(track: FfprobeStream, media: InspectedFile): boolean {
  const format = track.codec_type === 'video' ? track.pix_fmt : track.sample_fmt
  return format === undefined || format === 'unknown' || !hasPackets(track, media)
}

function hasPackets({ index, nb_frames }: FfprobeStream, { packets }: InspectedFile): boolean {
  return (nb_frames ?? 0) > 0 || packets.some(({ stream_index }) => stream_index === index)
}

function describeEmptyTrack(track: FfprobeStream, media: InspectedFile): TrackProblem {
  const kind = track.codec_type === 'video' ? 'picture' : 'sound'
  if (hasPackets(track, media)) return describeUndecodable(kind, track)
  return { kind: 'useless', reason: kind === 'picture' ? 'the picture has no frames' : 'the sound has no packets' }
}

/** Returns whether ffmpeg can decode a frame of a track. A run that fails for another reason proves nothing. */
async function decodesOneFrame(
  ffmpegPath: string,
  { path, index }: { readonly path: string; readonly index: number },
  options: ProgramOptions,
): Promise<boolean> {
  const input = ['-nostdin', '-hide_banner', '-v', 'error', ...INPUT_OPTIONS, '-i', toInputUrl(path)]
  const output = ['-map', `0:${index}`, '-frames', '1', '-f', 'framecrc', '-']
  const result = await runProgram(ffmpegPath, [...input, ...output], { ...options, limits: PROGRAM_LIMITS.probe })
  return result.kind !== 'exited' || /^\d/m.test(result.stdout)
}
