import type { Detector } from './detector.ts'

/**
 * The sound is silent: no sample of any channel is louder than the configured level. 20 ms are longer than a low tone
 * stays near zero, and short enough that a run which a segment's border cuts off is not lost.
 */
export const silence: Detector = {
  name: 'silence',
  side: 'sound',
  health: 'silent',
  threshold: 'silence_threshold_sec',
  alertEvent: 'alert.silence',
  recoveredEvent: 'alert.silence_recovered',
  counter: 'silence_events',
  filter: (config) => `silencedetect=n=${config.silence_db_threshold}dB:d=0.02`,
  startKey: 'lavfi.silence_start',
  endKey: 'lavfi.silence_end',
}
