import type { MonitorConfig } from '../../shared/contract/monitors.ts'
import type { Log } from '../../shared/log.ts'
import type { Clock } from '../platform/clock.ts'
import type { Lifetime } from '../platform/lifetime.ts'
import type { MonitorState } from './state/monitor-state.ts'
import type { MonitorObservation } from './state/observation.ts'
import type {
  MediaPlaylistFetch,
  PlaylistReload,
  SegmentFetch,
  StreamRendition,
  StreamResolution,
  StreamSegment,
} from './stream.ts'

/** The monitor's current state, and the input of its state machine. */
export type Monitor = {
  state(): MonitorState
  observe(observation: MonitorObservation): void
}

/** Access to the stream. Every call is one attempt; retries are the caller's. */
export type StreamClient = {
  /** Finds out whether the stream is live and where it is served. Nothing is cached. */
  resolve(signal: AbortSignal): Promise<StreamResolution>
  fetchPlaylist(rendition: StreamRendition, signal: AbortSignal, reload?: PlaylistReload): Promise<MediaPlaylistFetch>
  fetchSegment(segment: StreamSegment, signal: AbortSignal): Promise<SegmentFetch>
  /**
   * Fetches the initialization section of a segment anew, unless that was done less than `pauseMs` ago. Returns it if it is
   * another one than before; `null` otherwise.
   */
  renewInit(segment: StreamSegment, pauseMs: number, signal: AbortSignal): Promise<Uint8Array | null>
}

/** What the pollers of one monitor share. */
export type MonitorContext = {
  readonly monitor: Monitor
  readonly config: MonitorConfig
  readonly client: StreamClient
  readonly clock: Clock
  readonly lifetime: Pick<Lifetime, 'stopping' | 'killed'>
  readonly log: Log
}
