import type { OutputPlan } from '../plan/output-plan.ts'
import { errorFinding, type Finding, warningFinding } from './findings.ts'
import type { PlannedTrack } from './planned-tracks.ts'
import type { OutputStream } from './probe-output.ts'

/** Checks that exactly the planned kinds of streams exist. */
export function checkTrackPresence(
  streams: readonly OutputStream[],
  track: Omit<PlannedTrack, 'index'>,
  file: string,
): readonly Finding[] {
  const hasVideo = streams.some(({ codec_type }) => codec_type === 'video')
  const hasAudio = streams.some(({ codec_type }) => codec_type === 'audio')
  return [
    ...(track.video !== null && !hasVideo ? [errorFinding('NO_VIDEO_STREAM', file, 'has no video stream')] : []),
    ...(track.hasAudio && !hasAudio ? [errorFinding('NO_AUDIO_STREAM', file, 'has no audio stream')] : []),
    ...(track.video === null && hasVideo
      ? [errorFinding('CODEC_MISMATCH', file, 'has a video stream that was not planned')]
      : []),
    ...(!track.hasAudio && hasAudio
      ? [errorFinding('CODEC_MISMATCH', file, 'has an audio stream that was not planned')]
      : []),
  ]
}

/** Warns where the input lacks audio that the preset has, or has a track that cannot be decoded. */
export function checkInputTracks(
  { audio, inputHasAudio, leftOut }: OutputPlan,
  presetHasAudio: boolean,
): readonly Finding[] {
  const lacksAudio = presetHasAudio && audio === null && !inputHasAudio
  const audioProblem = leftOut.audio ?? 'the input has no audio'
  return [
    ...(leftOut.video === null ? [] : [warningFinding('NO_VIDEO_STREAM', null, describeLack(leftOut.video))]),
    ...(lacksAudio ? [warningFinding('NO_AUDIO_STREAM', null, describeLack(audioProblem))] : []),
  ]
}

function describeLack(reason: string): string {
  return `${reason}, so the output has none`
}

/** Warns where the input is damaged or its headers are wrong: the output has what is there. */
export function checkInputProblem({ inputProblem }: OutputPlan): readonly Finding[] {
  return inputProblem === null ? [] : [warningFinding(inputProblem.code, null, inputProblem.message)]
}
