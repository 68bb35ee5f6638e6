import type { EncodedRung } from '../../../shared/contract/live.ts'

/** The name of a run within a broadcast. */
export type RunName = { readonly epoch: number; readonly run: number }

/** Returns the run of a segment. */
export function findRun<Run extends RunName>(runs: readonly Run[], of: RunName | undefined): Run | undefined {
  return runs.find(({ epoch, run }) => epoch === of?.epoch && run === of.run)
}

/** A run of an encoder, and its begin or its end in ms of its session. */
export type RunBorder = {
  readonly session: string
  readonly rungs: readonly Pick<EncodedRung, 'name'>[]
  readonly atMs: number
}

/** Timestamps are rounded to ms, and the duration of the last frame is estimated. */
const TOLERANCE_MS = 20

/**
 * Returns whether a run goes on where another one has ended. All runs of a session have one clock, so that players need no
 * discontinuity then (RFC 8216 §4.3.2.3): a worker that takes over continues the open segment of the one before.
 */
export function isContinuous(end: RunBorder, begin: RunBorder): boolean {
  const isSameMoment = Math.abs(begin.atMs - end.atMs) <= TOLERANCE_MS
  return end.session === begin.session && isSameMoment && haveSameRungs(end.rungs, begin.rungs)
}

/** The time of a segment. */
type SegmentTime = { readonly programDateTime: Date; readonly durationSec: number }

/** Returns whether the time of a part is that of a segment's end. A session that comes later begins later. */
export function isAtEnd({ programDateTime, durationSec }: SegmentTime, partTime: string): boolean {
  return Math.abs(Date.parse(partTime) - (programDateTime.getTime() + durationSec * 1000)) <= TOLERANCE_MS
}

/** Returns whether two runs have the same rungs, by name. */
export function haveSameRungs(
  some: readonly Pick<EncodedRung, 'name'>[],
  others: readonly Pick<EncodedRung, 'name'>[],
): boolean {
  const names = (rungs: typeof some) =>
    rungs
      .map(({ name }) => name)
      .toSorted()
      .join()
  return names(some) === names(others)
}
