import type { PictureDetector } from './detector.ts'

/** Black picture: at least 98 % of the pixels lie within the darkest 10 % of the luminance range. */
export const blackout: PictureDetector = {
  name: 'blackout',
  track: 'picture',
  health: 'black',
  threshold: 'blackout_threshold_sec',
  alertEvent: 'alert.blackout',
  recoveredEvent: 'alert.blackout_recovered',
  counter: 'blackout_events',
  pictures: ({ isBlack }) => isBlack,
  whenAbsent: 'detected',
}
