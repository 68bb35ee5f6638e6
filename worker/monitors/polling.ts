import type { MonitorConfig } from '../../shared/contract/monitors.ts'
import { backoffMs } from '../platform/backoff.ts'
import type { MediaPlaylist } from './snapshot.ts'

/** A fetched playlist: whether it had anything new, its size as served. */
export type Poll = {
  readonly playlist: MediaPlaylist
  readonly hasNew: boolean
  /** The fetch before had nothing new: what is new now has just come. */
  readonly wasWaitedFor: boolean
  readonly bytes: number
}

/** A playlist larger than this is not asked for more than twice a target duration. */
const LARGE_BYTES = 256 * 1024

/** Of the time until the next segment, how much to wait where its coming is known, and where it has to be found out. */
const WAIT_SHARE = { known: 0.85, unknown: 0.5 }

/**
 * How long to wait between two fetches of a playlist, in ms: most of a segment after one that was seen to come, half of
 * it otherwise, and then often, so that an alarm is not late; never longer than the config's check interval, which
 * `latest` waits in full. RFC 8216 §6.3.4 asks for half a target duration between two fetches that bring nothing new,
 * which an alarm within two seconds does not allow.
 */
export function pollAfterMs(poll: Poll, config: MonitorConfig): number {
  const { playlist, hasNew, wasWaitedFor, bytes } = poll
  const longestMs = config.check_interval_sec * 1000
  if (config.coverage === 'latest') return longestMs
  const targetMs = playlist.targetDurationSec * 1000
  const lastMs = (playlist.segments.at(-1)?.durationSec ?? playlist.targetDurationSec) * 1000
  const often = bytes > LARGE_BYTES ? targetMs / 2 : Math.min(Math.max(targetMs / 8, 250), 1000)
  const share = wasWaitedFor ? WAIT_SHARE.known : WAIT_SHARE.unknown
  return Math.min(longestMs, hasNew ? Math.min(targetMs, lastMs) * share : often)
}

/** How long to wait after so many fetches of a playlist in a row have failed, in ms. */
export function pollAfterFailureMs(failures: number, random: () => number): number {
  return backoffMs(failures, { firstMs: 500, maxMs: 5000 }, random)
}
