import type { MonitorContext } from '../monitor-context.ts'
import { continueAfterKnown, type NewSegments, nothingNew } from '../state/playlist-cursor.ts'
import { isMoving, moveTo, type PlaylistMotion } from '../state/playlist-motion.ts'
import { findOtherName, hashContent, hashPath, isReadAgain, type PlaylistCursor } from '../state/segment-identity.ts'
import type { StreamPlaylist, StreamSegment } from '../stream.ts'
import { fetchMedia } from './fetch-media.ts'

/** How many of the newest segments are fetched to find a known one. Origins that alternate are seldom further apart. */
const MOST_FETCHED = 5

/** Returns the hash of a segment's media; `null` where it cannot be fetched. */
export type ContentReader = (segment: StreamSegment) => Promise<string | null>

/** Creates a reader for one fetch of a playlist. It fetches each segment once, and none while the worker is stopping. */
export function createContentReader(context: MonitorContext): ContentReader {
  const contents = new Map<StreamSegment, string | null>()
  return async (segment) => {
    if (context.lifetime.stopping.aborted) return null
    const known = contents.get(segment)
    if (known !== undefined) return known
    const fetched = await fetchMedia(segment, context)
    const content = fetched.kind === 'ok' ? hashContent(fetched.bytes) : null
    contents.set(segment, content)
    return content
  }
}

type ReadPlaylist = {
  readonly playlist: StreamPlaylist
  readonly cursor: PlaylistCursor | null
  readonly readContent: ContentReader
  /** How the playlist has moved since it began to repeat itself; `null` where it did not. */
  readonly repetition: PlaylistMotion | null
  /** Time of the fetch, in ms since 1970. */
  readonly atMs: number
}

/**
 * Returns the new segments of a playlist without those that were read before. Where nothing else shows it, the media of its
 * newest segments does: under other names and numbers, a CDN changes between two origins; under the same ones, a node is
 * behind, or an encoder that begins again repeats itself, which goes on.
 */
export async function leaveOutKnown(
  news: NewSegments,
  { playlist, cursor, readContent, repetition, atMs }: ReadPlaylist,
): Promise<{ readonly news: NewSegments; readonly repetition: PlaylistMotion | null }> {
  const newest = news.fresh.at(-1)
  if (newest === undefined) return { news, repetition }
  const whole = { news, repetition: null }
  if (!news.isDoubtful || cursor === null || cursor.seen.every(({ content }) => content === undefined)) return whole
  const newestContent = await readContent(newest)
  if (newestContent !== null && isReadAgain(newest, newestContent, cursor)) {
    const repeated = moveTo(repetition, hashPath(newest), atMs)
    const isRestart = isMoving(repeated, playlist.targetDurationSec, atMs)
    return isRestart ? whole : { news: nothingNew(cursor), repetition: repeated }
  }
  const known = await findKnown(news.fresh, cursor, readContent)
  if (known === null) return whole
  const { segment, seen } = known
  const index = playlist.segments.indexOf(segment)
  return { news: continueAfterKnown(playlist, cursor, { index, seen }), repetition: null }
}

/** Finds the newest segment that was read under another name or number. */
async function findKnown(fresh: readonly StreamSegment[], cursor: PlaylistCursor, readContent: ContentReader) {
  for (const segment of fresh.slice(-MOST_FETCHED).toReversed()) {
    const content = await readContent(segment)
    const seen = content === null ? undefined : findOtherName(segment, content, cursor)
    if (seen !== undefined) return { segment, seen }
  }
  return null
}
