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
  const laid = layTimeline({ picture, sound, fps, startSec: probe.startSec }, clip)
  if (laid === null) return problem(outside(probe, clip))
  const timeline = probe.isClockReset === true ? readFromStart(laid) : laid
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

/** Where times come more than once, ffmpeg cannot seek to one: it decodes all that lies before it too. */
function readFromStart(timeline: Timeline): Timeline {
  const { seekSec, readSec, shiftSec } = timeline
  const skippedSec = seekSec ?? 0
  const untilSec = readSec === null ? null : readSec + skippedSec
  return { ...timeline, seekSec: null, readSec: untilSec, shiftSec: shiftSec + skippedSec }
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
  const { seekSec, readSec, shiftSec, frames, padFrames, padSec } = timeline
  return {
    seekSec,
    readSec,
    shiftSec,
    picture: picture && {
      index: picture.index,
      chunk: null,
      frames,
      padFrames,
      hdr: picture.isHdr ? hdrColors(picture.color) : null,
      isRgb: /^(?:gbr|rgb|bgr|argb|abgr|0rgb|0bgr|pal8|x2)/.test(picture.pixFmt),
    },
    sound: sound && { index: sound.index, padSec, isWhole: picture === null && readSec === null },
  }
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

function outside(probe: Probe, clip: Clip | null): string {
  const lasts = `${probe.durationSec.toFixed(3)} s`
  return `the clip begins at ${clip?.start_sec ?? 0} s, but the input lasts ${lasts}`
}

function problem(message: string): PlanResult {
  return { kind: 'problem', failure: { code: 'INPUT_INVALID', message, is_transient: false } }
}
