import type { StreamSegment } from '../stream.ts'
import { hashNumbering, type PlaylistCursor } from './segment-identity.ts'

/** First and newest number of a playlist, in this fetch and in the last one that had something new. */
export type NumberWindow = {
  readonly first: number
  readonly newest: number
  readonly firstBefore: number
  readonly newestBefore: number
}

/** Reports whether a playlist's numbers follow directly on the remembered ones. */
export function isNext({ first, newestBefore }: NumberWindow): boolean {
  return first === newestBefore + 1
}

/** Returns the numbers of a playlist and those remembered; `null` where one has none. */
export function readNumberWindow(
  segments: readonly StreamSegment[],
  { seen, first }: PlaylistCursor,
): NumberWindow | null {
  const window = {
    first: segments[0]?.sequence,
    newest: segments.at(-1)?.sequence,
    firstBefore: first,
    newestBefore: seen.at(-1)?.sequence,
  }
  return isNumbered(window) ? window : null
}

function isNumbered(window: Readonly<Record<keyof NumberWindow, number | null | undefined>>): window is NumberWindow {
  return Object.values(window).every((number) => typeof number === 'number')
}

/** Reports whether a playlist's numbers have not gone back. */
export function isForward({ first, newest, firstBefore, newestBefore }: NumberWindow): boolean {
  return first >= firstBefore && newest >= newestBefore
}

/** By how many windows, or else segments, a node of a CDN is believed to be behind at most. */
const MAX_WINDOWS_BEHIND = 4
const MAX_SEGMENTS_BEHIND = 60

/**
 * Reports whether a playlist whose segments are not remembered is that of a node which is behind: its names follow from its
 * numbers as those of the newest segment do, and it ends before that. An encoder that has begun again has low numbers.
 */
export function isBehind(segments: readonly StreamSegment[], cursor: PlaylistCursor): boolean {
  const window = readNumberWindow(segments, cursor)
  const newest = segments.at(-1)
  const { numbering = [] } = cursor
  if (window === null || newest === undefined || window.first <= segments.length) return false
  const behind = window.newestBefore - window.newest
  const isNear = behind <= Math.max(MAX_SEGMENTS_BEHIND, MAX_WINDOWS_BEHIND * segments.length)
  return behind > 0 && isNear && hashNumbering(newest).some((hash) => numbering.includes(hash))
}

/**
 * Reports whether an encoder restarted its numbering, perhaps with the same names. Its playlist then lies before the
 * old window or is at most half as long; a stale one, whose first segment is still listed, is only a little shorter.
 */
export function hasRestarted({ first, newest, firstBefore, newestBefore }: NumberWindow): boolean {
  if (first > 1) return false
  const isHalf = 2 * (newest - first + 1) <= newestBefore - firstBefore + 1
  return newest < firstBefore || (newest < newestBefore - 1 && isHalf)
}
