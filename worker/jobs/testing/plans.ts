import * as v from 'valibot'

import type { Clip } from '../../../shared/contract/jobs.ts'
import { Preset } from '../../../shared/contract/presets.ts'
import type { Probe } from '../../platform/probed-media.ts'
import { planOutput } from '../plan.ts'

export type Picture = NonNullable<Probe['video']>

const PICTURE: Picture = {
  index: 0,
  codec: 'h264',
  width: 1280,
  height: 720,
  rotation: 0,
  isMirrored: false,
  fps: { num: 30, den: 1 },
  rateOfTimes: { num: 30, den: 1 },
  isVariableFrameRate: false,
  isInterlaced: false,
  bitDepth: 8,
  pixFmt: 'yuv420p',
  color: { transfer: null, primaries: null, space: null, range: null },
  isHdr: false,
  startSec: 0,
  durationSec: 10,
}
const SOUND = { index: 1, codec: 'aac', channels: 2, sampleRate: 48_000, startSec: 0, durationSec: 10 }
const FILE = { format: 'mov', durationSec: 10, sizeBytes: 1000, bitRateKbps: 100, startSec: 0 }

/** A probe of ten even seconds, but for what is said; `null`: there is no such track. */
export function source(picture: Partial<Picture> | null, sound: Partial<typeof SOUND> | null = {}): Probe {
  return {
    ...FILE,
    video: picture === null ? null : { ...PICTURE, ...picture },
    audio: sound === null ? null : { ...SOUND, ...sound },
  }
}

const AUDIO = { codec: 'aac', kbps: 128 }

/** A preset of renditions of these heights. */
export function hls(...heights: number[]): Preset {
  const renditions = heights.map((height) => ({ height, kbps: height * 4 }))
  const video = { codec: 'h264', speed: 'fast', renditions }
  return v.parse(Preset, { description: 'x', container: 'hls', segment_sec: 6, video, audio: AUDIO })
}

/** A preset of one file, but for what is said. */
export function mp4(fields: object = {}): Preset {
  const video = { codec: 'h264', speed: 'fast', renditions: [{ height: 1080, crf: 23 }] }
  return v.parse(Preset, { description: 'x', container: 'mp4', video, audio: AUDIO, ...fields })
}

/** What is planned. Throws where there is a problem instead. */
export function planned(probe: Probe, preset: Preset = mp4(), clip: Clip | null = null) {
  const result = planOutput(probe, preset, clip)
  if (result.kind !== 'planned') throw new Error(result.failure.message)
  return result.plan
}

/** What is wrong, `null` if nothing. */
export function problem(probe: Probe, preset: Preset, clip: Clip | null = null) {
  const result = planOutput(probe, preset, clip)
  return result.kind === 'problem' ? result.failure : null
}
