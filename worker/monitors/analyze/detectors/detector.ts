import type { InferOutput } from 'valibot'

import type {
  AudioHealth,
  MonitorConfig,
  MonitorEventType,
  MonitorStatistics,
  VideoHealth,
} from '../../../../shared/contract/monitors.ts'

/**
 * A condition of a track that is an alert once it lasts. Plain data: how ffmpeg marks it, and which config field,
 * events, counter and health value belong to it.
 */
export type Detector = PictureDetector | SoundDetector
type PictureDetector = DetectorFields & { readonly track: 'picture'; readonly health: InferOutput<typeof VideoHealth> }
type SoundDetector = DetectorFields & { readonly track: 'sound'; readonly health: InferOutput<typeof AudioHealth> }

type DetectorFields = {
  /** Key of its spans in a segment's findings and of its run in the monitor's state. */
  readonly name: string
  /** Config field with the seconds that make an alert; 0 turns the detector off. */
  readonly threshold: Extract<keyof MonitorConfig, `${string}_threshold_sec`>
  readonly alertEvent: MonitorEventType
  readonly recoveredEvent: MonitorEventType
  /** Counter of its alerts. */
  readonly counter: keyof MonitorStatistics
  /** ffmpeg filter that marks the frames where a span begins and where it ends. */
  readonly filter: (config: MonitorConfig) => string
  /** Metadata keys of these marks; their values are times in seconds. */
  readonly startKey: string
  readonly endKey: string
}
