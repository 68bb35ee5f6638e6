import type { PictureDetector } from './detector.ts'

/** Frozen picture: nothing in it moves, and it is not black. */
export const freeze: PictureDetector = {
  name: 'freeze',
  track: 'picture',
  health: 'frozen',
  threshold: 'freeze_threshold_sec',
  alertEvent: 'alert.freeze',
  recoveredEvent: 'alert.freeze_recovered',
  counter: 'freeze_events',
  pictures: 'frozen',
  whenAbsent: 'clear',
}
