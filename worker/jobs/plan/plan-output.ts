import type { Clip, JobFailure } from '../../../shared/contract/jobs.ts'
import { listOutputTypes, type OutputType, type Preset, type PresetVideo } from '../../../shared/contract/presets.ts'
import { DETECTION_SEC } from '../../media/media-input.ts'
import type { ProbedMedia } from '../../media/probed-media.ts'
import { hasResettableClock } from '../../media/steady-clock.ts'
import type { ColorPlan, EncodePlan, FrameShape, InputPlan, InputVideo, Orientation } from './encode-plan.ts'
import { chooseFrameRate, countGopFrames } from './frame-rate.ts'
import { findInputProblem } from './input-problem.ts'
import type { OutputPlan, OutputVideo } from './output-plan.ts'
import { planColors } from './plan-colors.ts'
import { planRenditions } from './plan-renditions.ts'
import { planTimeline, type Timeline } from './timeline.ts'

/** `problem`: the preset cannot be applied to the input, and another attempt would not change that. */
export type PlanResult =
  | { readonly kind: 'planned'; readonly plan: EncodePlan }
  | { readonly kind: 'problem'; readonly failure: JobFailure }

/** Sample rates of AAC that every player supports; audio of any other rate is resampled to 48 kHz. */
const KEPT_SAMPLE_RATES = [44_100, 48_000]

/** Time by which tracks of one time may lie apart in a file. */
const SPARE_READ_SEC = 5
/** A track that begins later may not be seen by the usual detection. */
const LATE_SEC = DETECTION_SEC - SPARE_READ_SEC

/**
 * Plans the output of a preset for one input, without the tracks that either of them lacks. All output types of the
 * preset are produced; `outputType` is the requested one. A problem is an input without a usable track, a clip outside
 * the input, or a video too small to encode.
 */
export function planOutput(
  probe: ProbedMedia,
  preset: Preset,
  clip: Clip | null,
  outputType: OutputType = listOutputTypes(preset)[0],
): PlanResult {
  const chosen = chooseInputTracks(probe, preset)
  if (typeof chosen === 'string') return reject(chosen)
  const { video, audio } = chosen
  const fps = video === null ? null : chooseFrameRate(video)
  const planned = planTimeline({ probe, video, audio, fps }, clip)
  if (planned.kind === 'empty') return reject(planned.message)
  const { timeline } = planned
  const outputVideo = planVideo(video, preset.video, preset.segment_sec)
  if (outputVideo === 'too_small') return reject('the video of the input is too small to encode')
  return {
    kind: 'planned',
    plan: {
      container: preset.container,
      outputType,
      video: outputVideo,
      audio: planAudio(audio, preset),
      inputHasAudio: probe.audio !== null,
      leftOut: findTracksLeftOut(probe, preset),
      inputProblem: findInputProblem(probe, clip),
      segmentSec: preset.segment_sec,
      durationSec: timeline.durationSec,
      startSec: timeline.startSec,
      input: { ...planInput(chosen, timeline), ...planReading(probe, timeline) },
    },
  }
}

type InputTracks = {
  readonly video: InputVideo | null
  /** `null` without a video. */
  readonly colors: ColorPlan | null
  readonly audio: ProbedMedia['audio']
}

/** Returns the tracks of the input that the preset uses; a text is the reason why it cannot be applied to them. */
function chooseInputTracks(probe: ProbedMedia, preset: Preset): InputTracks | string {
  const video = preset.video === null ? null : probe.video
  const audio = preset.audio === null ? null : probe.audio
  const refusal = findRefusal(probe, preset)
  if (refusal !== null) return refusal
  if (video === null && audio === null) return describeMissingTrack(probe, preset)
  const colors = video && planColors(video)
  return colors?.kind === 'unknown' ? colors.reason : { video, colors, audio }
}

function planVideo(
  video: InputVideo | null,
  preset: PresetVideo | null,
  segmentSec: number | null,
): OutputVideo | null | 'too_small' {
  if (video === null || preset === null) return null
  const renditions = planRenditions(video, preset)
  if (renditions === null) return 'too_small'
  const fps = chooseFrameRate(video)
  return {
    codec: preset.codec,
    speed: preset.speed,
    fps,
    gopFrames: countGopFrames(fps, segmentSec),
    renditions,
    isDeinterlaced: video.isInterlaced,
    isToneMapped: video.isHdr,
  }
}

/** Plans the audio: mono stays mono, since a second equal channel halves the bits of each; more become stereo. */
function planAudio(audio: ProbedMedia['audio'], preset: Preset): OutputPlan['audio'] {
  if (audio === null || preset.audio === null) return null
  return {
    kbps: preset.audio.kbps,
    channels: audio.channels === 1 ? 1 : 2,
    sampleRate: KEPT_SAMPLE_RATES.includes(audio.sampleRate) ? audio.sampleRate : 48_000,
  }
}

function planInput(
  { video, colors, audio }: InputTracks,
  timeline: Timeline,
): Omit<InputPlan, 'watchUntilSec' | 'hasLateTrack'> {
  const { seekSec, shiftSec, isSilent, keepsOwnEnd, leadFrames, frames, padFrames, padSec } = timeline
  return {
    seekSec,
    shiftSec,
    video: video &&
      colors && {
        index: video.index,
        chunk: null,
        leadFrames,
        frames,
        padFrames,
        shape: describeShape(video),
        colors,
        fieldOrder: video.fieldOrder,
        orientation: video.isInterlaced ? findOrientation(video) : null,
      },
    audio: audio && { index: audio.index, padSec, isSilent, keepsOwnEnd },
  }
}

/** Plans how the file is read: both tracks beyond the output's end, since those of one time may lie apart in the file. */
function planReading(
  { format, startSec: fileSec, video, audio }: ProbedMedia,
  { shiftSec, durationSec }: Timeline,
): Pick<InputPlan, 'watchUntilSec' | 'hasLateTrack'> {
  return {
    watchUntilSec: hasResettableClock(format) ? shiftSec + durationSec + SPARE_READ_SEC : null,
    hasLateTrack: [video, audio].some((track) => track !== null && track.startSec - fileSec > LATE_SEC),
  }
}

function describeShape({ width, height, stored, rotation, isMirrored }: InputVideo): FrameShape {
  return { aspect: width / height, stored, isTurned: rotation !== 0 || isMirrored }
}

/** Returns the orientation of a video that is not shown as stored; a rotation by other than 90° cannot be undone. */
function findOrientation({ rotation, isMirrored }: InputVideo): Orientation | null {
  const canBeUndone = rotation % 90 === 0 && (rotation !== 0 || isMirrored)
  return canBeUndone ? { rotation, isMirrored } : null
}

/** Returns why a track of the preset is refused: without the content of the file, an output would be incomplete. */
function findRefusal({ problems }: ProbedMedia, preset: Preset): string | null {
  const wanted = [preset.video && problems.video, preset.audio && problems.audio]
  return wanted.find((problem) => problem?.kind === 'refused')?.reason ?? null
}

function findTracksLeftOut({ problems }: ProbedMedia, preset: Preset): OutputPlan['leftOut'] {
  const reasonOf = (problem: ProbedMedia['problems']['video']) => (problem?.kind === 'useless' ? problem.reason : null)
  return { video: preset.video && reasonOf(problems.video), audio: preset.audio && reasonOf(problems.audio) }
}

function describeMissingTrack(probe: ProbedMedia, preset: Preset): string {
  const missing = preset.video === null || probe.video !== null ? 'audio' : 'video'
  const reason = findTracksLeftOut(probe, preset)[missing]
  const problem = reason === null ? `the input has no ${missing} track` : reason
  return `${problem}, and the preset produces nothing else`
}

function reject(message: string): PlanResult {
  return { kind: 'problem', failure: { code: 'INPUT_INVALID', message, is_transient: false } }
}
