import type { PartEvent } from '../../../shared/contract/live.ts'
import { chooseRung } from '../rules/choose-rung.ts'
import {
  findRun,
  haveSameTracks,
  isAtEnd,
  isSameMoment,
  tracksOf,
  type RunName,
  type RungTracks,
} from '../rules/continuous-runs.ts'
import type { SegmentRow } from '../store/segments.ts'
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
function describeTail(window: PlaylistWindow, parts: readonly PartEvent[], rung: string): PlaylistTail {
  const [first] = parts
  const before = window.segments.at(-1)
  if (first === undefined) return NO_TAIL
  const rungs = listRungs(parts)
  const names = rungs.map(({ name }) => name)
  const shown = chooseRung(names, rung)
  const ofRung = parts.filter((part) => part.rung === shown)
  if (before === undefined) return { parts: ofRung, isNewRun: true }
  if (isSameRun(before, first)) return { parts: ofRung, isNewRun: false }
  // The first parts of a run do not come at once in all rungs, and the run may have others than the one before.
  const hasSameTracks = haveSameTracks(tracksOf(findRun(window.runs, before)?.rungs ?? []), rungs)
  return hasSameTracks && beginsAtEnd(window, before, first) ? { parts: ofRung, isNewRun: true } : NO_TAIL
}

/** Returns the rungs of parts, and their tracks where the worker announces them. */
function listRungs(parts: readonly PartEvent[]): readonly RungTracks[] {
  const byName = new Map(parts.map(({ rung: name, encoded }) => [name, { name, tracks: encoded ?? null }]))
  return [...byName.values()]
}

/**
 * Returns whether a part begins where the last segment ends, by the clock of their session: the ingest corrects the time of
 * the day between two runs. That decides where the worker announces no more than it.
 */
function beginsAtEnd({ end }: PlaylistWindow, last: SegmentRow, part: PartEvent): boolean {
  const { session, start_ms: atMs } = part
  if (end === null || session === undefined || atMs === undefined) return isAtEnd(last, part.program_date_time)
  return isSameMoment(end, { session, atMs })
}
