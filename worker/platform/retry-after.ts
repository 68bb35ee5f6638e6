/** Longest wait that a server can request, in ms. */
const MAX_WAIT_MS = 10 * 60_000

/**
 * Returns the wait that a response of 429 or 503 requests, in ms, at most ten minutes; 0 where there is none
 * (RFC 9110 §10.2.3: seconds, or a date).
 */
export function readRetryAfterMs(status: number, value: string | null, nowMs = Date.now()): number {
  if (value === null || (status !== 429 && status !== 503)) return 0
  const text = value.trim()
  const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs
  return Number.isNaN(ms) ? 0 : Math.min(Math.max(ms, 0), MAX_WAIT_MS)
}
