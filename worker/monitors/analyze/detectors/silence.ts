import type { Detector } from './detector.ts'

/**
 * Silent sound: no sample of any channel is louder than the configured level. The minimum of 20 ms is longer than a low
 * tone stays near zero, and short enough to keep a piece of silence that a segment border cuts off.
 */
export const silence: Detector = {
  name: 'silence',
  track: 'sound',
  health: 'silent',
  threshold: 'silence_threshold_sec',
  alertEvent: 'alert.silence',
  recoveredEvent: 'alert.silence_recovered',
  counter: 'silence_events',
  filter: (config) => `silencedetect=n=${config.silence_db_threshold}dB:d=0.02`,
  startKey: 'lavfi.silence_start',
  endKey: 'lavfi.silence_end',
}
