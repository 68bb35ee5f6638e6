import type { StreamSegment } from '../stream.ts'
import {
  hashFile,
  MAX_CLOCK_DRIFT_MS,
  type PlaylistCursor,
  type RememberedSegment,
  timeApartMs,
} from './segment-identity.ts'

/**
 * Finds the newest remembered segment by the last part of its path, in a playlist whose paths have a token that changes at
 * each fetch. All segments before it must be the remembered ones too. `null` where names do not distinguish segments.
 */
export function findNewestByFile(segments: readonly StreamSegment[], cursor: PlaylistCursor): number | null {
  const { seen, isUncounted = false } = cursor
  const newest = seen.at(-1)
  const files = segments.map(hashFile)
  // Names without numbers may recur for other segments.
  if (newest === undefined || (newest.sequence === null && isUncounted) || new Set(files).size < files.length)
    return null
  const index = files.indexOf(fileOf(newest))
  const segment = segments[index]
  if (segment === undefined || (timeApartMs(segment, newest) ?? 0) > MAX_CLOCK_DRIFT_MS) return null
  const before = seen.slice(-index - 1).map(fileOf)
  const listed = files.slice(index + 1 - before.length, index + 1)
  return before.every((file, place) => file === listed[place]) ? index : null
}

function fileOf({ sequence, name, file }: RememberedSegment): string {
  return sequence === null ? (file ?? '') : name
}
