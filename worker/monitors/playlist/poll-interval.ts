import type { MonitorConfig } from '../../../shared/contract/monitors.ts'
import { computeBackoffMs } from '../../platform/backoff.ts'
import type { StreamPlaylist } from '../stream.ts'

/** A fetched playlist; `bytes` is its size as served. */
export type PlaylistPoll = {
  readonly playlist: StreamPlaylist
  readonly hasNew: boolean
  /** The previous fetch had nothing new, so a new segment has just been published. */
  readonly wasWaiting: boolean
  readonly bytes: number
  /** The server answers the next fetch once there is a new segment. */
  readonly isBlocking?: boolean
}

/** A larger playlist is fetched at most twice per target duration. */
const LARGE_BYTES = 256 * 1024

/** Time until the next fetch from a server that answers once there is a new segment. */
const BLOCKING_MS = 50

/** Share of the time until the next segment to wait if the time of its publication is known, and if it is not. */
const WAIT_SHARE = { known: 0.85, unknown: 0.5 }

/**
 * Returns the time until the next fetch of a playlist, in ms, at most the config's check interval. After a fetch
 * without news it is below the half target duration of RFC 8216 §6.3.4: an alert must follow its media within 2 s.
 */
export function computePollIntervalMs(poll: PlaylistPoll, config: MonitorConfig): number {
  const { playlist, hasNew, wasWaiting, bytes, isBlocking = false } = poll
  const checkMs = config.check_interval_sec * 1000
  if (config.coverage === 'latest') return checkMs
  if (isBlocking && hasNew) return BLOCKING_MS
  const targetMs = playlist.targetDurationSec * 1000
  const lastMs = (playlist.segments.at(-1)?.durationSec ?? playlist.targetDurationSec) * 1000
  const waitingMs = bytes > LARGE_BYTES ? targetMs / 2 : Math.min(Math.max(targetMs / 8, 250), 1000)
  const share = wasWaiting ? WAIT_SHARE.known : WAIT_SHARE.unknown
  return Math.min(checkMs, hasNew ? Math.min(targetMs, lastMs) * share : waitingMs)
}

/** Returns the time until the next fetch after a number of failed fetches in a row, in ms. */
export function computeRetryIntervalMs(failures: number, random: () => number): number {
  return computeBackoffMs(failures, { firstMs: 500, maxMs: 5000 }, random)
}
