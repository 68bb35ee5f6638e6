import type { StreamSegment } from '../stream.ts'
import type { PlaylistCursor } from './segment-identity.ts'

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

/**
 * Reports whether an encoder restarted its numbering, perhaps with the same names. Its playlist then lies before the
 * old window or is at most half as long; a stale one, whose first segment is still listed, is only a little shorter.
 */
export function hasRestarted({ first, newest, firstBefore, newestBefore }: NumberWindow): boolean {
  if (first > 1) return false
  const isHalf = 2 * (newest - first + 1) <= newestBefore - firstBefore + 1
  return newest < firstBefore || (newest < newestBefore - 1 && isHalf)
}
