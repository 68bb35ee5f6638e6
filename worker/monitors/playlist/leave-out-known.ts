import type { MonitorContext } from '../monitor-context.ts'
import { continueAfterKnown, type NewSegments } from '../state/playlist-cursor.ts'
import { findOtherName, hashContent, type PlaylistCursor } from '../state/segment-identity.ts'
import type { StreamPlaylist } from '../stream.ts'
import { fetchMedia } from './fetch-media.ts'

/** How many of the newest segments are fetched to find a known one. Origins that alternate are seldom further apart. */
const MOST_FETCHED = 5

/**
 * Returns the new segments of a playlist without those that were read under other names and numbers, as where a CDN changes
 * between two origins. The media of its newest segments show it, where nothing else does.
 */
export async function leaveOutKnown(
  news: NewSegments,
  { playlist, cursor }: { readonly playlist: StreamPlaylist; readonly cursor: PlaylistCursor | null },
  context: MonitorContext,
): Promise<NewSegments> {
  if (!news.isDoubtful || cursor === null || cursor.seen.every(({ content }) => content === undefined)) return news
  for (const segment of news.fresh.slice(-MOST_FETCHED).toReversed()) {
    if (context.lifetime.stopping.aborted) return news
    const fetched = await fetchMedia(segment, context)
    const seen = fetched.kind === 'ok' ? findOtherName(segment, hashContent(fetched.bytes), cursor) : undefined
    if (seen !== undefined)
      return continueAfterKnown(playlist, cursor, { index: playlist.segments.indexOf(segment), seen })
  }
  return news
}
