import type { MonitorEvent, MonitorEventType } from '../../../shared/contract/monitors.ts'

/** Longest text of others in an event. The report limits a title to it, and fifty events fit into 64 KiB. */
const MAX_TEXT_LENGTH = 500

/** Creates an event that happened at a time in ms since 1970. Its texts are sanitized. */
export function createEvent(atMs: number, type: MonitorEventType, data: MonitorEvent['data']): MonitorEvent {
  const texts = Object.entries(data).map(([name, value]) => {
    return [name, typeof value === 'string' ? sanitizeText(value) : value] as const
  })
  return { event_type: type, timestamp: formatTime(atMs), data: Object.fromEntries(texts) }
}

/**
 * Returns a text of others in one line, well-formed, without control characters (databases reject some) and at most
 * `maxLength` UTF-16 units long. A surrogate pair is never cut in half.
 */
export function sanitizeText(text: string, maxLength = MAX_TEXT_LENGTH): string {
  const start = text.replace(/\p{Cc}+/gu, ' ').slice(0, maxLength)
  return start.replace(/[\uD800-\uDBFF]$/, '').replace(/\p{Cs}/gu, '\uFFFD')
}

/** Formats a time in ms since 1970 as RFC 3339, for events and reports. */
export function formatTime(atMs: number): string {
  return new Date(atMs).toISOString()
}

/** Rounds seconds to the millisecond, for events. */
export function roundToMillis(sec: number): number {
  return Math.round(sec * 1000) / 1000
}

/** Returns the seconds between two times in ms, rounded to the millisecond. */
export function secondsBetween(fromMs: number, toMs: number): number {
  return roundToMillis((toMs - fromMs) / 1000)
}
