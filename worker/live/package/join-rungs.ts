import type { PackagedSegment } from './rung-packager.ts'

/** A segment of all rungs, which begin at the same frame. */
export type JoinedSegment = {
  /** Number within the run, from 0. */
  readonly segment: number
  readonly startMs: number
  readonly endMs: number
  readonly frames: number
  /** In the order of the rungs. */
  readonly rungs: readonly PackagedSegment[]
}

/** Rungs of a run do not begin a segment at the same frame. */
class MisalignedRungsError extends Error {}

export type RungJoiner = {
  /**
   * Adds a rung's next segment, and returns the segment of all rungs once the last rung has it; else `null`.
   * @throws MisalignedRungsError
   */
  add(rung: number, segment: PackagedSegment): JoinedSegment | null
}

/** Timestamps are rounded to ms. */
const TOLERANCE_MS = 1

/** Creates the joiner of a run with this number of rungs. */
export function createRungJoiner(rungCount: number): RungJoiner {
  const waiting = new Map<number, Map<number, PackagedSegment>>()
  return {
    add: (rung, segment) => {
      const byRung = waiting.get(segment.segment) ?? new Map<number, PackagedSegment>()
      waiting.set(segment.segment, byRung.set(rung, segment))
      if (byRung.size < rungCount) return null
      waiting.delete(segment.segment)
      return joinSegments([...byRung].toSorted(([a], [b]) => a - b).map(([, packaged]) => packaged))
    },
  }
}

function joinSegments(rungs: readonly PackagedSegment[]): JoinedSegment {
  const [top] = rungs
  if (top === undefined) throw new MisalignedRungsError('a run has no rung')
  const begins = rungs.map(({ startMs }) => startMs)
  if (Math.max(...begins) - Math.min(...begins) > TOLERANCE_MS)
    throw new MisalignedRungsError(`segment ${top.segment} begins at ${begins.join(', ')} ms`)
  const { segment, startMs, endMs, frames } = top
  return { segment, startMs, endMs, frames, rungs }
}
