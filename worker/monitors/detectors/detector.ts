import type { InferOutput } from 'valibot'

import type { MonitorEventType } from '../../../shared/contract/events.ts'
import type { AudioHealth, MonitorConfig, MonitorStatistics, VideoHealth } from '../../../shared/contract/monitors.ts'

/**
 * Something that can be wrong with a side of a stream for a while: how the decoder is asked for it, and how the monitor
 * tells of it. Plain data; `list.ts` has them all, and nothing else knows one by its name.
 */
export type Detector = PictureDetector | SoundDetector
type PictureDetector = Detection & { readonly side: 'picture'; readonly health: InferOutput<typeof VideoHealth> }
type SoundDetector = Detection & { readonly side: 'sound'; readonly health: InferOutput<typeof AudioHealth> }

type Detection = {
  /** The key of its spans in a segment's findings. */
  readonly name: string
  /** The field of the config that says how many seconds make an alert; 0 turns the detector off. */
  readonly threshold: Extract<keyof MonitorConfig, `${string}_threshold_sec`>
  readonly alertEvent: MonitorEventType
  readonly recoveredEvent: MonitorEventType
  /** Counts its alerts. */
  readonly counter: keyof MonitorStatistics
  /** The ffmpeg filter that marks the frames where a run begins and where it is over. */
  readonly filter: (config: MonitorConfig) => string
  /** The metadata that the filter marks them with; their values are times in seconds. */
  readonly startKey: string
  readonly endKey: string
}
