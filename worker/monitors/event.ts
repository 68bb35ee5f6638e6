import type { MonitorEvent, MonitorEventType } from '../../shared/contract/events.ts'

/** What others say is told no longer than this: a report takes no longer title, and fifty events fit into 64 KiB. */
const MAX_TEXT_LENGTH = 500

/** An event of the monitor that happened at a time in ms since 1970. */
export function eventAt(atMs: number, type: MonitorEventType, data: MonitorEvent['data']): MonitorEvent {
  const texts = Object.entries(data).map(([name, value]) => {
    return [name, typeof value === 'string' ? shortened(value) : value] as const
  })
  return { event_type: type, timestamp: toIso(atMs), data: Object.fromEntries(texts) }
}

/**
 * What others say as it is told on: in one line without control characters, which no database takes all of, well-formed,
 * at most so many UTF-16 units long, and never with half a character at its end.
 */
export function shortened(text: string, length = MAX_TEXT_LENGTH): string {
  const start = text.replace(/\p{Cc}+/gu, ' ').slice(0, length)
  return start.replace(/[\uD800-\uDBFF]$/, '').replace(/\p{Cs}/gu, '\uFFFD')
}

/** A time in ms since 1970 as events and reports write it. */
export function toIso(atMs: number): string {
  return new Date(atMs).toISOString()
}

/** Seconds as events write them: to the millisecond. */
export function toMillis(sec: number): number {
  return Math.round(sec * 1000) / 1000
}

/** The seconds between two times in ms. */
export function secondsBetween(fromMs: number, toMs: number): number {
  return toMillis((toMs - fromMs) / 1000)
}
