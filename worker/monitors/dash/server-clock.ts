import type { Fetcher } from '../../platform/http.ts'
import type { UtcTiming } from './mpd.ts'
import { parseTime } from './mpd-values.ts'

/** An answer's time by its Date header, in ms since 1970 (`null` without one), and by the machine when it arrived. */
export type DatedAnswer = { readonly dateMs: number | null; readonly atMs: number }

/** The clock of a stream's server, by which its segments become available. */
export type ServerClock = {
  nowMs(): number
  /** Compares it with the machine's clock where that is due: by UTCTiming, or else by an answer's Date header. */
  synchronize(timings: readonly UtcTiming[], answer: DatedAnswer, signal: AbortSignal): Promise<void>
}

/** Times between two comparisons, after one that succeeded and one that failed, in ms. */
const AGAIN_MS = 5 * 60_000
const RETRY_MS = 30_000

const TIMEOUT_MS = 3000
const MAX_BYTES = 1024

/** Below this difference, in ms, a Date header says nothing: it counts whole seconds, and caches keep it. */
const MIN_DATE_OFFSET_MS = 5000

/** Creates the clock of a server that is not compared yet: it shows the machine's time. */
export function createServerClock(fetcher: Fetcher, nowMs: () => number): ServerClock {
  let offsetMs = 0
  let dueMs = -Infinity
  let byDate: { readonly untilMs: number; readonly offsetMs: number } | null = null

  /** Takes the largest difference of the last minutes: a cache's Date lags behind. */
  function compareDate({ dateMs, atMs }: DatedAnswer): number {
    if (dateMs === null) return byDate?.offsetMs ?? 0
    const measuredMs = dateMs + 500 - atMs
    const isOld = byDate === null || atMs > byDate.untilMs
    if (isOld || byDate === null) byDate = { untilMs: atMs + AGAIN_MS, offsetMs: measuredMs }
    else if (measuredMs > byDate.offsetMs) byDate = { ...byDate, offsetMs: measuredMs }
    return Math.abs(byDate.offsetMs) < MIN_DATE_OFFSET_MS ? 0 : byDate.offsetMs
  }

  return {
    nowMs: () => nowMs() + offsetMs,
    async synchronize(timings, answer, signal) {
      if (timings.length === 0) {
        offsetMs = compareDate(answer)
        return
      }
      if (nowMs() < dueMs) return
      const measured = await measureOffset(timings, { fetcher, nowMs, answer, signal })
      dueMs = nowMs() + (measured === null ? RETRY_MS : AGAIN_MS)
      offsetMs = measured ?? compareDate(answer)
    },
  }
}

type OffsetMeasurement = {
  readonly fetcher: Fetcher
  readonly nowMs: () => number
  readonly answer: DatedAnswer
  readonly signal: AbortSignal
}

/** Most sources of the time that are tried. */
const MAX_TIMINGS = 4

/** Returns the difference by the first source that answers, in ms; `null` where none does. */
async function measureOffset(timings: readonly UtcTiming[], measurement: OffsetMeasurement): Promise<number | null> {
  for (const timing of timings.slice(0, MAX_TIMINGS)) {
    const offsetMs = await measureBy(timing, measurement)
    if (offsetMs !== null) return offsetMs
  }
  return null
}

async function measureBy({ method, value }: UtcTiming, measurement: OffsetMeasurement): Promise<number | null> {
  const { fetcher, nowMs, answer, signal } = measurement
  if (method === 'direct') return toOffset(parseTime(value), answer.atMs)
  const beganMs = nowMs()
  const timeMs =
    method === 'head' ? await fetchDate(value, fetcher, signal) : await fetchTimeText(value, fetcher, signal)
  return toOffset(timeMs, (beganMs + nowMs()) / 2)
}

function toOffset(timeMs: number | null, atMs: number): number | null {
  return timeMs === null ? null : timeMs - atMs
}

async function fetchTimeText(url: string, fetcher: Fetcher, signal: AbortSignal): Promise<number | null> {
  const fetched = await fetcher.get(url, { timeoutMs: TIMEOUT_MS, maxBytes: MAX_BYTES, signal })
  return fetched.kind === 'failed' ? null : parseTime(new TextDecoder().decode(fetched.bytes))
}

/** Fetches the head of an answer for its Date, and leaves its body unread. */
async function fetchDate(url: string, fetcher: Fetcher, signal: AbortSignal): Promise<number | null> {
  const abort = new AbortController()
  const stop = () => abort.abort()
  const timer = setTimeout(stop, TIMEOUT_MS)
  signal.addEventListener('abort', stop)
  try {
    const opened = await fetcher.open(url, { headers: {}, signal: abort.signal })
    const dateMs = opened.kind === 'failed' ? null : readDate(opened.head.headers)
    // It counts whole seconds.
    return dateMs === null ? null : dateMs + 500
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', stop)
    stop()
  }
}

/** Reads the time at which an answer was sent, in ms since 1970, by its Date and Age headers (RFC 9110 §6.6.1). */
export function readDate(headers: Pick<Headers, 'get'>): number | null {
  const dateMs = Date.parse(headers.get('date') ?? '')
  const ageSec = Number(/^\s*(\d{1,9})\s*$/.exec(headers.get('age') ?? '')?.[1] ?? 0)
  return Number.isFinite(dateMs) ? dateMs + ageSec * 1000 : null
}
