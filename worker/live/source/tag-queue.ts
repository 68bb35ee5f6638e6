import type { Clock } from '../../platform/clock.ts'
import type { FlvTag } from '../flv/flv-tag.ts'

/** The next tag of a source. `waiting`: none came in time. `ended`: the session is over. `lost`: the connection broke. */
export type NextTag =
  | { readonly kind: 'tag'; readonly tag: FlvTag }
  | { readonly kind: 'waiting' }
  | { readonly kind: 'ended' }
  | { readonly kind: 'lost'; readonly reason: string }

/** Tags between the connection and the encoder. One reader at a time. */
export type TagQueue = {
  /** Appends tags; resolves once the queue has room for more, or is closed. */
  add(tags: readonly FlvTag[]): Promise<void>
  /** States that no more tags come; `reason`: why the connection broke, `null` if the session has ended. */
  end(reason: string | null): void
  /** Resolves with the next tag, or with `waiting` after `timeoutMs`. */
  next(timeoutMs: number): Promise<NextTag>
  /** Discards everything and ends the waits. */
  close(): void
  isClosed(): boolean
  /**
   * Returns by how much tags arrive later than their timestamps say since `baseMs`, in ms: measured when the reader
   * waited for a tag, and 0 before that.
   */
  measureDelayMs(baseMs: number): number
}

/** About five seconds of a strong source. */
const MAX_BYTES = 4 * 1024 * 1024
/** A tag counts as arriving now if the reader has waited this long for it, in ms. */
const LEAST_WAIT_MS = 5

/** Creates an empty queue. */
export function createTagQueue(clock: Clock): TagQueue {
  let tags: FlvTag[] = []
  let bytes = 0
  let ending: NextTag | null = null
  let isClosed = false
  let arrival: { readonly atMs: number; readonly timestampMs: number } | null = null
  let wakeReader: (() => void) | null = null
  let wakeWriter: (() => void) | null = null

  function take(): NextTag | null {
    const tag = tags.shift()
    if (tag === undefined) return ending
    bytes -= tag.body.length
    if (bytes < MAX_BYTES) wakeWriter?.()
    return { kind: 'tag', tag }
  }

  return {
    add: async (added) => {
      if (isClosed) return
      tags.push(...added)
      for (const { body } of added) bytes += body.length
      wakeReader?.()
      if (bytes < MAX_BYTES) return
      await new Promise<void>((resolve) => (wakeWriter = resolve))
      wakeWriter = null
    },
    end: (reason) => {
      ending ??= reason === null ? { kind: 'ended' } : { kind: 'lost', reason }
      wakeReader?.()
    },
    next: async (timeoutMs) => {
      const available = take()
      if (available !== null) return available
      const beganMs = clock.nowMs()
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeoutMs)
        wakeReader = () => {
          clearTimeout(timer)
          resolve()
        }
      })
      wakeReader = null
      const arrived = take() ?? { kind: 'waiting' }
      if (arrived.kind === 'tag' && clock.nowMs() - beganMs >= LEAST_WAIT_MS)
        arrival = { atMs: clock.nowMs(), timestampMs: arrived.tag.timestampMs }
      return arrived
    },
    close: () => {
      isClosed = true
      tags = []
      bytes = 0
      ending = { kind: 'ended' }
      wakeReader?.()
      wakeWriter?.()
    },
    isClosed: () => isClosed,
    measureDelayMs: (baseMs) => (arrival === null ? 0 : Math.max(0, arrival.atMs - (baseMs + arrival.timestampMs))),
  }
}
