import type { Clip, JobFailure } from '../../../shared/contract/jobs.ts'
import { listOutputTypes, type OutputType, type Preset, type PresetVideo } from '../../../shared/contract/presets.ts'
import { DETECTION_SEC } from '../../media/media-input.ts'
import type { ProbedMedia } from '../../media/probed-media.ts'
import { hasResettableClock } from '../../media/steady-clock.ts'
import type { EncodePlan, FrameShape, HdrColors, InputPlan, InputVideo, Orientation } from './encode-plan.ts'
import { chooseFrameRate, countGopFrames } from './frame-rate.ts'
import { findInputProblem } from './input-problem.ts'
import type { OutputPlan, OutputVideo } from './output-plan.ts'
import { planRenditions } from './plan-renditions.ts'
import { planTimeline, type Timeline } from './timeline.ts'

/** `problem`: the preset cannot be applied to the input, and another attempt would not change that. */
export type PlanResult =
  | { readonly kind: 'planned'; readonly plan: EncodePlan }
  | { readonly kind: 'problem'; readonly failure: JobFailure }

/** Sample rates of AAC that every player supports; audio of any other rate is resampled to 48 kHz. */
const KEPT_SAMPLE_RATES = [44_100, 48_000]

/** HDR video uses the primaries of BT.2020; a file that declares nothing more than PQ or HLG means them (ITU-R BT.2100). */
const HDR_DEFAULTS: HdrColors = { transfer: 'smpte2084', primaries: 'bt2020', matrix: 'bt2020nc' }

/** Time by which tracks of one time may lie apart in a file. */
const SPARE_READ_SEC = 5
/** A track that begins later may not be seen by the usual detection. */
const LATE_SEC = DETECTION_SEC - SPARE_READ_SEC

/** Names of ffmpeg's pixel formats that store RGB. */
const RGB_FORMAT = /^(?:gbr|rgb|bgr|argb|abgr|0rgb|0bgr|pal8|x2)/

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
  const video = preset.video === null ? null : probe.video
  const audio = preset.audio === null ? null : probe.audio
  if (video === null && audio === null) return reject(describeMissingTrack(probe, preset))
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
      inputProblem: findInputProblem(probe, clip),
      segmentSec: preset.segment_sec,
      durationSec: timeline.durationSec,
      startSec: timeline.startSec,
      input: { ...planInput(video, audio, timeline), ...planReading(probe, timeline) },
    },
  }
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
  video: InputVideo | null,
  audio: ProbedMedia['audio'],
  timeline: Timeline,
): Omit<InputPlan, 'watchUntilSec' | 'hasLateTrack'> {
  const { seekSec, shiftSec, isSilent, keepsOwnEnd, leadFrames, frames, padFrames, padSec } = timeline
  return {
    seekSec,
    shiftSec,
    video: video && {
      index: video.index,
      chunk: null,
      leadFrames,
      frames,
      padFrames,
      shape: describeShape(video),
      hdr: video.isHdr ? completeHdrColors(video.color) : null,
      orientation: video.isInterlaced ? findOrientation(video) : null,
      isRgb: RGB_FORMAT.test(video.pixFmt),
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

function completeHdrColors({ transfer, primaries, space }: InputVideo['color']): HdrColors {
  return {
    transfer: transfer ?? HDR_DEFAULTS.transfer,
    primaries: primaries ?? HDR_DEFAULTS.primaries,
    matrix: space ?? HDR_DEFAULTS.matrix,
  }
}

function describeMissingTrack(probe: ProbedMedia, preset: Preset): string {
  const missing = preset.video === null || probe.video !== null ? 'audio' : 'video'
  return `the input has no ${missing} track, and the preset produces nothing else`
}

function reject(message: string): PlanResult {
  return { kind: 'problem', failure: { code: 'INPUT_INVALID', message, is_transient: false } }
}
