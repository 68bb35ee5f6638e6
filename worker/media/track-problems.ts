import type { FfprobeStream, InspectedFile } from './ffprobe-output.ts'
import { findSizeProblem } from './media-input.ts'
import type { TrackProblem } from './probed-media.ts'

/** The Dolby Vision profile without a picture for other decoders. */
const DOLBY_VISION_ONLY = 5

/** Returns why a picture or sound track cannot be encoded; `null` where it can. */
export function findTrackProblem(track: FfprobeStream, { problems }: InspectedFile): TrackProblem | null {
  const found = track.codec_type === 'video' ? findPictureProblem(track) : findSoundProblem(track)
  return found ?? problems?.get(track.index) ?? null
}

function findPictureProblem(track: FfprobeStream): TrackProblem | null {
  const { codec_name: codec, codec_tag_string: tag, width, height, disposition, side_data_list: sideData } = track
  if (disposition.timed_thumbnails === 1) return { kind: 'preview', reason: 'it holds preview pictures' }
  if (disposition.attached_pic === 1) return { kind: 'preview', reason: 'it is a cover' }
  if (tag === 'encv') return { kind: 'refused', reason: 'the picture is encrypted' }
  if (codec === undefined) return describeUndecodable('picture', track)
  if (width === 0 || height === 0) return { kind: 'useless', reason: 'the picture has no frames' }
  const size = findSizeProblem(width, height)
  if (size !== null) return { kind: 'refused', reason: size }
  if (sideData.every(({ dv_profile }) => dv_profile !== DOLBY_VISION_ONLY)) return null
  const reason = `the picture is Dolby Vision profile ${DOLBY_VISION_ONLY}, which other decoders cannot show`
  return { kind: 'refused', reason }
}

function findSoundProblem(track: FfprobeStream): TrackProblem | null {
  const { codec_name: codec, codec_tag_string: tag, channels, sample_rate: sampleRate = 0 } = track
  if (tag === 'enca') return { kind: 'refused', reason: 'the sound is encrypted' }
  if (codec === undefined) return describeUndecodable('sound', track)
  return channels === 0 || sampleRate === 0 ? { kind: 'useless', reason: 'the sound has no packets' } : null
}

/** Returns the problem of a track that no decoder accepts, with its codec or the code that its container has for it. */
export function describeUndecodable(kind: 'picture' | 'sound', track: FfprobeStream): TrackProblem {
  const { codec_name: codec, codec_tag_string: tag = '' } = track
  const name = codec ?? (/^[\w .-]{2,8}$/.test(tag) ? tag.trim() : 'unknown')
  return { kind: 'useless', reason: `the ${kind} has a codec that cannot be decoded (${name})` }
}
