import type { InferOutput } from 'valibot'

import type {
  AudioHealth,
  MonitorConfig,
  MonitorEventType,
  MonitorStatistics,
  VideoHealth,
} from '../../../../shared/contract/monitors.ts'
import type { TimedPicture } from '../detection-spans.ts'

/**
 * A condition of a track that is an alert once it lasts. Plain data: how it is seen, and which config field, events,
 * counter and health value belong to it.
 */
export type Detector = PictureDetector | SoundDetector

export type PictureDetector = DetectorFields & {
  readonly track: 'picture'
  readonly health: InferOutput<typeof VideoHealth> | null
  /** How decoded pictures show it: one by one, by standing still, or not at all. */
  readonly pictures: ((picture: TimedPicture) => boolean) | 'frozen' | 'none'
}

export type SoundDetector = DetectorFields & {
  readonly track: 'sound'
  readonly health: InferOutput<typeof AudioHealth> | null
  /** How decoded sound shows it. */
  readonly sound: 'silent' | 'none'
}

type DetectorFields = {
  /** Key of its spans in a segment's findings and of its run in the monitor's state. */
  readonly name: string
  /** Config field with the seconds that make an alert; 0 turns the detector off. */
  readonly threshold: Extract<keyof MonitorConfig, `${string}_threshold_sec`>
  readonly alertEvent: MonitorEventType
  readonly recoveredEvent: MonitorEventType
  /** Counter of its alerts. */
  readonly counter: keyof MonitorStatistics
  /** What a segment without the track means: the condition, if the track is declared, or nothing. */
  readonly whenAbsent: 'detected' | 'detected_if_declared' | 'clear'
  /** Further fields of its events' data. */
  readonly data?: Readonly<Record<string, string>>
}
