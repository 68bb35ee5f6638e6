import type { Detector } from './detector.ts'

/** Black picture: at least 98 % of the pixels lie within the darkest 10 % of the luminance range. */
export const blackout: Detector = {
  name: 'blackout',
  track: 'picture',
  health: 'black',
  threshold: 'blackout_threshold_sec',
  alertEvent: 'alert.blackout',
  recoveredEvent: 'alert.blackout_recovered',
  counter: 'blackout_events',
  filter: () => 'blackdetect=d=0:pix_th=0.10:pic_th=0.98',
  startKey: 'lavfi.black_start',
  endKey: 'lavfi.black_end',
}
