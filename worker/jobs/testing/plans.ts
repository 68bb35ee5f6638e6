import * as v from 'valibot'

import type { Clip, JobFailure } from '../../../shared/contract/jobs.ts'
import { Preset } from '../../../shared/contract/presets.ts'
import type { ProbedMedia } from '../../media/probed-media.ts'
import type { EncodePlan, InputVideo } from '../plan/encode-plan.ts'
import { planOutput } from '../plan/plan-output.ts'

const VIDEO: InputVideo = {
  index: 0,
  codec: 'h264',
  width: 1280,
  height: 720,
  stored: { width: 1280, height: 720 },
  rotation: 0,
  isMirrored: false,
  fps: { num: 30, den: 1 },
  rateOfTimes: { num: 30, den: 1 },
  isVariableFrameRate: false,
  isInterlaced: false,
  fieldOrder: null,
  bitDepth: 8,
  pixFmt: 'yuv420p',
  color: { transfer: null, primaries: null, space: null, range: null },
  isHdr: false,
  startSec: 0,
  durationSec: 10,
}
const AUDIO = { index: 1, codec: 'aac', channels: 2, sampleRate: 48_000, startSec: 0, durationSec: 10 }
const FILE = {
  format: 'mov',
  durationSec: 10,
  sizeBytes: 1000,
  bitRateKbps: 100,
  startSec: 0,
  endMismatch: null,
}

/** Creates the probe of a 10 s input at 720p30 with stereo audio; `null` leaves a track out. */
export function createProbe(video: Partial<InputVideo> | null, audio: Partial<typeof AUDIO> | null = {}): ProbedMedia {
  return {
    ...FILE,
    video: video === null ? null : { ...VIDEO, ...video },
    audio: audio === null ? null : { ...AUDIO, ...audio },
    tracks: [],
    problems: { video: null, audio: null },
  }
}

const PRESET_AUDIO = { codec: 'aac', kbps: 128 }

/** Creates an HLS preset with renditions of the given heights. */
export function createHlsPreset(...heights: number[]): Preset {
  const renditions = heights.map((height) => ({ height, kbps: height * 4 }))
  const video = { codec: 'h264', speed: 'fast', renditions }
  return v.parse(Preset, { description: 'x', container: 'hls', segment_sec: 6, video, audio: PRESET_AUDIO })
}

/** Creates a preset for a single MP4 file; `fields` replace its own. */
export function createMp4Preset(fields: object = {}): Preset {
  const video = { codec: 'h264', speed: 'fast', renditions: [{ height: 1080, crf: 23 }] }
  return v.parse(Preset, { description: 'x', container: 'mp4', video, audio: PRESET_AUDIO, ...fields })
}

/** Plans an output; throws where there is a problem. */
export function planOrThrow(
  probe: ProbedMedia,
  preset: Preset = createMp4Preset(),
  clip: Clip | null = null,
): EncodePlan {
  const result = planOutput(probe, preset, clip)
  if (result.kind !== 'planned') throw new Error(result.failure.message)
  return result.plan
}

/** Plans an output, and returns the problem; `null` where there is none. */
export function findPlanProblem(probe: ProbedMedia, preset: Preset, clip: Clip | null = null): JobFailure | null {
  const result = planOutput(probe, preset, clip)
  return result.kind === 'problem' ? result.failure : null
}
