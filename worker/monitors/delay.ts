import type { MonitorConfig } from '../../shared/contract/monitors.ts'
import type { MonitorEvent } from '../../shared/contract/events.ts'
import { eventAt, secondsBetween, toIso } from './event.ts'

/** When the stream should begin, in ms since 1970: as the user said, else as the site says, else unknown. */
export function scheduledStartMs(config: MonitorConfig, releaseAtMs: number | null): number | null {
  return config.scheduled_start_time === null ? releaseAtMs : Date.parse(config.scheduled_start_time)
}

/** From when on a stream that has not begun is late, in ms since 1970; `null` where no start is known. */
export function lateFromMs(config: MonitorConfig, releaseAtMs: number | null): number | null {
  const startMs = scheduledStartMs(config, releaseAtMs)
  return startMs === null ? null : startMs + config.start_delay_tolerance_sec * 1000
}

/** `stream.delayed`, if a stream that has not begun is late by now. */
export function delayEvent(config: MonitorConfig, releaseAtMs: number | null, atMs: number): MonitorEvent | null {
  const startMs = scheduledStartMs(config, releaseAtMs)
  const lateMs = lateFromMs(config, releaseAtMs)
  if (startMs === null || lateMs === null || atMs <= lateMs) return null
  return eventAt(atMs, 'stream.delayed', {
    scheduled_start_time: toIso(startMs),
    delay_sec: secondsBetween(startMs, atMs),
    tolerance_sec: config.start_delay_tolerance_sec,
  })
}
