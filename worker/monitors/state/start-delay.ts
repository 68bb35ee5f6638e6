import type { MonitorConfig, MonitorEvent } from '../../../shared/contract/monitors.ts'
import { createEvent, formatTime, secondsBetween } from './monitor-event.ts'

/** Returns the scheduled start in ms since 1970: the user's, else the site's, else `null`. */
export function findScheduledStartMs(config: MonitorConfig, releaseAtMs: number | null): number | null {
  return config.scheduled_start_time === null ? releaseAtMs : Date.parse(config.scheduled_start_time)
}

/** Returns the time after which a stream that has not started is late, in ms since 1970; `null` without a schedule. */
export function computeLateFromMs(config: MonitorConfig, releaseAtMs: number | null): number | null {
  const startMs = findScheduledStartMs(config, releaseAtMs)
  return startMs === null ? null : startMs + config.start_delay_tolerance_sec * 1000
}

/** Returns `stream.delayed` if a stream that has not started is late at `atMs`; otherwise `null`. */
export function createDelayEvent(config: MonitorConfig, releaseAtMs: number | null, atMs: number): MonitorEvent | null {
  const startMs = findScheduledStartMs(config, releaseAtMs)
  const lateFromMs = computeLateFromMs(config, releaseAtMs)
  if (startMs === null || lateFromMs === null || atMs <= lateFromMs) return null
  return createEvent(atMs, 'stream.delayed', {
    scheduled_start_time: formatTime(startMs),
    delay_sec: secondsBetween(startMs, atMs),
    tolerance_sec: config.start_delay_tolerance_sec,
  })
}
