import { countBytes, type RecordedSegment } from './recorded-segment.ts'

/** A segment on its way to the store; without `segment`, a marker between segments. */
export type LineEntry = {
  readonly segment: RecordedSegment | null
  /** Called in order, once the segment is stored or was dropped. */
  readonly onDone: (isStored: boolean) => void
  state: 'waiting' | 'storing' | 'done' | 'dropped'
}

/** Segments in the order in which they are announced, bounded. */
export type SegmentLine = {
  add(segment: RecordedSegment | null, onDone: LineEntry['onDone']): void
  /** Announces what is done, and returns the entries to store now, at most `limit` at a time. */
  proceed(limit: number): readonly LineEntry[]
  /** Drops the oldest segments while more than `maxBytes` wait, but never the newest one; returns those. */
  shrink(maxBytes: number): readonly RecordedSegment[]
  /** Returns how many segments are not stored. */
  waiting(): number
}

/** Creates an empty line. */
export function createSegmentLine(): SegmentLine {
  const entries: LineEntry[] = []

  function announce(): void {
    for (let first = entries[0]; first !== undefined && isPassable(first); first = entries[0]) {
      entries.shift()
      first.onDone(first.state !== 'dropped')
    }
  }

  return {
    add: (segment, onDone) => entries.push({ segment, onDone, state: 'waiting' }),
    proceed: (limit) => {
      announce()
      const storing = entries.filter(({ state }) => state === 'storing').length
      const waiting = entries.filter(({ state, segment }) => state === 'waiting' && segment !== null)
      return waiting.slice(0, Math.max(0, limit - storing))
    },
    shrink: (maxBytes) => {
      const dropped: RecordedSegment[] = []
      for (;;) {
        const kept = entries.flatMap((entry) => (isKept(entry) && entry.segment !== null ? [entry.segment] : []))
        const [oldest] = kept
        const bytes = kept.reduce((sum, segment) => sum + countBytes(segment), 0)
        if (oldest === undefined || kept.length === 1 || bytes <= maxBytes) return dropped
        for (const entry of entries) if (entry.segment === oldest) entry.state = 'dropped'
        dropped.push(oldest)
      }
    },
    waiting: () => entries.filter((entry) => isKept(entry) && entry.segment !== null).length,
  }
}

function isPassable({ state, segment }: LineEntry): boolean {
  return segment === null || state === 'done' || state === 'dropped'
}

function isKept({ state }: LineEntry): boolean {
  return state === 'waiting' || state === 'storing'
}
