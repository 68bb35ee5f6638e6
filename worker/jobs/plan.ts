import type { Clip, JobFailure } from '../../shared/contract/jobs.ts'
import { type OutputType, outputTypesOf, type Preset } from '../../shared/contract/presets.ts'
import type { Probe } from '../platform/probed-media.ts'
import type { EncodePlan, Reading } from './encode-plan.ts'
import { gopFrames, outputFps } from './frame-grid.ts'
import type { OutputPlan } from './output-plan.ts'
import { renditionSizes } from './rendition-sizes.ts'
import { layTimeline, type Timeline } from './timeline.ts'

/** `problem`: nothing comes of this source with this preset, and another attempt changes nothing. */
export type PlanResult =
  | { readonly kind: 'planned'; readonly plan: EncodePlan }
  | { readonly kind: 'problem'; readonly failure: JobFailure }

/** AAC as players take it everywhere; sound of any other rate becomes 48 kHz. */
const KEPT_SAMPLE_RATES = [44_100, 48_000]

/** BT.2020 is what HDR comes in; a file that only says PQ or HLG means it (ITU-R BT.2100). */
const HDR_DEFAULTS = { primaries: 'bt2020', matrix: 'bt2020nc' }

/**
 * Decides all that a preset makes of one source. Tracks that the source or the preset lacks are left out; a problem is
 * a source of which nothing is left, a clip that begins behind its end, or a picture too small to be encoded. A preset
 * that makes more than one type of output makes all of them at once; `outputType` is the one that was asked for.
 */
export function planOutput(
  probe: Probe,
  preset: Preset,
  clip: Clip | null,
  outputType: OutputType = outputTypesOf(preset)[0],
): PlanResult {
  const picture = preset.video === null ? null : probe.video
  const sound = preset.audio === null ? null : probe.audio
  const track = picture ?? sound
  if (track === null) return problem(missing(probe, preset))
  const fps = picture === null ? null : outputFps(picture)
  const timeline = layTimeline({ probe, picture, sound, fps }, clip)
  if (typeof timeline === 'string') return problem(timeline)
  const video = planVideo(picture, preset)
  if (video === 'too small') return problem('the picture of the input is too small to be encoded')
  return {
    kind: 'planned',
    plan: {
      container: preset.container,
      outputType,
      video,
      audio: planAudio(sound, preset),
      sourceHasAudio: probe.audio !== null,
      segmentSec: preset.segment_sec,
      durationSec: timeline.durationSec,
      startSec: timeline.startSec,
      reading: planReading(picture, sound, timeline),
    },
  }
}

function planVideo(picture: Probe['video'], preset: Preset): OutputPlan['video'] | 'too small' {
  if (picture === null || preset.video === null) return null
  const { codec, speed } = preset.video
  const renditions = renditionSizes(picture, preset.video)
  if (renditions === null) return 'too small'
  const fps = outputFps(picture)
  return {
    codec,
    speed,
    fps,
    gopFrames: gopFrames(fps, preset.segment_sec),
    renditions,
    isDeinterlaced: picture.isInterlaced,
    isToneMapped: picture.isHdr,
  }
}

/** One channel stays one: two alike would only halve the bits for each. More than two are mixed down to stereo. */
function planAudio(sound: Probe['audio'], preset: Preset): OutputPlan['audio'] {
  if (sound === null || preset.audio === null) return null
  return {
    kbps: preset.audio.kbps,
    channels: sound.channels === 1 ? 1 : 2,
    sampleRate: KEPT_SAMPLE_RATES.includes(sound.sampleRate) ? sound.sampleRate : 48_000,
  }
}

function planReading(picture: Probe['video'], sound: Probe['audio'], timeline: Timeline): Reading {
  const { seekSec, shiftSec, isCut, isWhole, leadFrames, frames, padFrames, padSec } = timeline
  return {
    seekSec,
    shiftSec,
    picture: picture && {
      index: picture.index,
      chunk: null,
      leadFrames,
      frames,
      padFrames,
      hdr: picture.isHdr ? hdrColors(picture.color) : null,
      turn: picture.isInterlaced ? turnOf(picture) : null,
      isRgb: /^(?:gbr|rgb|bgr|argb|abgr|0rgb|0bgr|pal8|x2)/.test(picture.pixFmt),
    },
    sound: sound && { index: sound.index, isCut, padSec, isWhole, isMixedDown: sound.channels > 2 },
  }
}

/** A turn that is not by quarters cannot be undone. */
function turnOf({ rotation, isMirrored }: NonNullable<Probe['video']>) {
  const isSome = rotation % 90 === 0 && (rotation !== 0 || isMirrored)
  return isSome ? { rotation, isMirrored } : null
}

function hdrColors({ transfer, primaries, space }: NonNullable<Probe['video']>['color']) {
  return {
    transfer: transfer ?? 'smpte2084',
    primaries: primaries ?? HDR_DEFAULTS.primaries,
    matrix: space ?? HDR_DEFAULTS.matrix,
  }
}

function missing(probe: Probe, preset: Preset): string {
  if (preset.video === null || probe.video !== null) return 'the input has no sound, and the preset makes nothing else'
  return 'the input has no picture, and the preset makes nothing else'
}

function problem(message: string): PlanResult {
  return { kind: 'problem', failure: { code: 'INPUT_INVALID', message, is_transient: false } }
}
