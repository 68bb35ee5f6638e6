import type { PartEvent } from '../../../shared/contract/live.ts'
import { chooseRung } from '../rules/choose-rung.ts'
import { findRun, haveSameRungs, isAtEnd, type RunName } from '../rules/continuous-runs.ts'
import type { PlaylistWindow } from './playlist-window.ts'

/** What a playlist shows after its last segment: the parts of the next one so far. */
export type PlaylistTail = {
  readonly parts: readonly PartEvent[]
  /** They are the first ones of their run, which goes on where the last segment ends. */
  readonly isNewRun: boolean
}

const NO_TAIL: PlaylistTail = { parts: [], isNewRun: false }

/**
 * Returns the parts of the segment after the last one, of the rung that a rendition shows. A worker that takes over makes
 * these parts again: those of its predecessor stay until there are as many new ones, so that no playlist loses a part.
 */
export function findTail(window: PlaylistWindow, rung: string): PlaylistTail {
  const newer = listNewer(window)
  const [first] = newer
  const newest = newer.at(-1)
  if (first === undefined || newest === undefined) return NO_TAIL
  const earlier = describeTail(window, listSegment(newer, first), rung)
  if (isSameRun(first, newest)) return earlier
  const firstOfNewest = newer.find((part) => isSameRun(part, newest)) ?? newest
  const later = describeTail(window, listSegment(newer, firstOfNewest), rung)
  return later.parts.length >= earlier.parts.length ? later : earlier
}

function isSameRun(a: RunName, b: RunName): boolean {
  return a.epoch === b.epoch && a.run === b.run
}

/** Returns the parts after the last segment, in order. */
function listNewer({ segments, parts }: PlaylistWindow): readonly PartEvent[] {
  const last = segments.at(-1)
  const newer = (parts ?? []).filter(
    ({ epoch, n }) => last === undefined || epoch > last.epoch || (epoch === last.epoch && n > last.n),
  )
  return newer.toSorted((a, b) => a.epoch - b.epoch || a.n - b.n || a.part - b.part)
}

function listSegment(parts: readonly PartEvent[], { epoch, n }: PartEvent): readonly PartEvent[] {
  return parts.filter((part) => part.epoch === epoch && part.n === n)
}

/**
 * Describes the parts of one segment. None is shown of a run that begins with a discontinuity: its initialization segment is
 * stored with its first segment, and players have no other one that fits.
 */
function describeTail({ segments, runs }: PlaylistWindow, parts: readonly PartEvent[], rung: string): PlaylistTail {
  const [first] = parts
  const before = segments.at(-1)
  if (first === undefined) return NO_TAIL
  const names = [...new Set(parts.map((part) => part.rung))]
  const shown = chooseRung(names, rung)
  const ofRung = parts.filter((part) => part.rung === shown)
  if (before === undefined) return { parts: ofRung, isNewRun: true }
  if (isSameRun(before, first)) return { parts: ofRung, isNewRun: false }
  const isContinued = isAtEnd(before, first.program_date_time)
  // The first parts of a run do not come at once in all rungs, and the run may have others than the one before.
  const hasAllRungs = haveSameRungs(
    findRun(runs, before)?.rungs ?? [],
    names.map((name) => ({ name })),
  )
  return isContinued && hasAllRungs ? { parts: ofRung, isNewRun: true } : NO_TAIL
}
