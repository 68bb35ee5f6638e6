import type { OutputPlan } from '../output-plan.ts'
import { doubt, fault, type Finding } from './findings.ts'
import type { Stream } from './media.ts'
import type { Track } from './track.ts'

/** The tracks that the plan has are there, and no others. */
export function checkTracks(streams: readonly Stream[], track: Omit<Track, 'index'>, file: string): readonly Finding[] {
  const hasPicture = streams.some(({ codec_type }) => codec_type === 'video')
  const hasSound = streams.some(({ codec_type }) => codec_type === 'audio')
  return [
    ...(track.picture !== null && !hasPicture ? [fault('NO_VIDEO_STREAM', file, 'has no picture')] : []),
    ...(track.hasSound && !hasSound ? [fault('NO_AUDIO_STREAM', file, 'has no sound')] : []),
    ...(track.picture === null && hasPicture
      ? [fault('CODEC_MISMATCH', file, 'has a picture, which was not asked for')]
      : []),
    ...(!track.hasSound && hasSound ? [fault('CODEC_MISMATCH', file, 'has sound, which was not asked for')] : []),
  ]
}

/** A preset with sound makes an output without where the source has none: that is right, and worth a word. */
export function checkSilence(plan: OutputPlan, wantsSound: boolean): readonly Finding[] {
  if (!wantsSound || plan.audio !== null || plan.sourceHasAudio) return []
  return [doubt('NO_AUDIO_STREAM', null, 'the source has no sound, and so the output has none')]
}
