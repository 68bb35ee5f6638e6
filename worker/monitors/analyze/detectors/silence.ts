import type { SoundDetector } from './detector.ts'

/** Silent sound: no sample of any channel is louder than the configured level. */
export const silence: SoundDetector = {
  name: 'silence',
  track: 'sound',
  health: 'silent',
  threshold: 'silence_threshold_sec',
  alertEvent: 'alert.silence',
  recoveredEvent: 'alert.silence_recovered',
  counter: 'silence_events',
  sound: 'silent',
  whenAbsent: 'detected',
}
