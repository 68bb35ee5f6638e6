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

/** Warns where the preset has audio and the input has none: an output without audio is then correct. */
export function checkInputAudio(plan: OutputPlan, presetHasAudio: boolean): readonly Finding[] {
  if (!presetHasAudio || plan.audio !== null || plan.inputHasAudio) return []
  return [warningFinding('NO_AUDIO_STREAM', null, 'the input has no audio, so the output has none')]
}

/** Warns where the input is damaged or its headers are wrong: the output has what is there. */
export function checkInputProblem({ inputProblem }: OutputPlan): readonly Finding[] {
  return inputProblem === null ? [] : [warningFinding(inputProblem.code, null, inputProblem.message)]
}
