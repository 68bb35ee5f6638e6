import type { PictureDetector, SoundDetector } from './detector.ts'

const COMMON = {
  health: null,
  threshold: 'track_threshold_sec',
  alertEvent: 'alert.track_missing',
  recoveredEvent: 'alert.track_missing_recovered',
  counter: 'track_missing_events',
  whenAbsent: 'detected_if_declared',
} as const

/** A picture that is declared, or was there before, and is absent. */
export const pictureMissing: PictureDetector = {
  ...COMMON,
  name: 'picture_missing',
  track: 'picture',
  pictures: 'none',
  data: { track: 'picture' },
}

/** Sound that is declared, or was there before, and is absent. */
export const soundMissing: SoundDetector = {
  ...COMMON,
  name: 'sound_missing',
  track: 'sound',
  sound: 'none',
  data: { track: 'sound' },
}
