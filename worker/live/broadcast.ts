import type { BroadcastOrder } from '../../shared/contract/live.ts'
import type { Log } from '../../shared/log.ts'
import type { Clock } from '../platform/clock.ts'
import type { Fetcher } from '../platform/http.ts'
import type { LiveEnvironment } from './environment.ts'
import type { HealthKeeper } from './health.ts'
import type { PartBuffer } from './parts/part-buffer.ts'
import type { PosterMaker } from './record/poster.ts'
import type { Recorder } from './record/recorder.ts'
import type { BroadcastReporter } from './report.ts'

/** A broadcast and the means to encode it. */
export type Broadcast = {
  readonly order: BroadcastOrder
  readonly epoch: number
  readonly environment: LiveEnvironment
  readonly fetcher: Fetcher
  readonly recorder: Recorder
  readonly reporter: BroadcastReporter
  readonly health: HealthKeeper
  /** `null` with `normal` latency. */
  readonly parts: PartBuffer | null
  readonly posters: PosterMaker
  readonly numbers: BroadcastNumbers
  readonly clock: Clock
  readonly gatewayClock: Clock
  readonly log: Log
  /** Aborts when no new work may begin. */
  readonly stopping: AbortSignal
  /** Aborts when all work must end: the worker is killed, or the broadcast is over. */
  readonly ended: AbortSignal
}

/** The next numbers within the epoch. `unannounced`: the first segment of which no part was announced. */
export type BroadcastNumbers = { segment: number; run: number; unannounced: number }
