import { cutPage, fromCursor, toCursor } from '../../http/paging.ts'
import type { SignedIn } from '../accounts/session.ts'
import { findWatchableArchive } from '../archives/read-archives.ts'
import { findWatchableStream } from '../broadcasts/find-own-stream.ts'
import type { LiveContext } from '../context.ts'
import { mayWatch } from '../playback/access.ts'
import { findArchive, findArchiveIdOf } from '../store/archives.ts'
import { hasMessages } from '../store/kept-chats.ts'
import { presentMessage, type ChatMessageList, type ReplayedMessages } from './present.ts'
import type { MessageListQuery, ReplayQuery } from './requests.ts'
import { readNewestEntries } from './store/entries.ts'
import { readReplay } from './store/replay.ts'
import { findRoom } from './store/rooms.ts'

const SEQ = /^\d{1,9}$/

/**
 * Returns the messages of the live chat, oldest first: the newest ones, and with the cursor those before.
 * @throws BrokenRule STREAM_NOT_FOUND, INVALID_CONFIG where the cursor is not one of this list
 */
export async function listMessages(
  { db }: LiveContext,
  viewer: SignedIn | null,
  id: string,
  { cursor, limit }: MessageListQuery,
): Promise<ChatMessageList> {
  await findWatchableStream(db, viewer, id)
  const before = cursor === undefined ? null : Number(fromCursor(cursor, SEQ))
  // First, so that nothing is missed after it.
  const lastSeq = (await findRoom(db, id))?.lastSeq ?? 0
  const rows = await readNewestEntries(db, id, { before, limit: limit + 1 })
  const page = rows.slice(-limit)
  const first = rows.length > limit ? page[0] : undefined
  return {
    messages: page.map(presentMessage),
    next_cursor: first === undefined ? null : toCursor(String(first.seq)),
    last_seq: lastSeq,
  }
}

/** Returns the id of a broadcast's recording, where the chat is kept with it and the viewer may watch it; else `null`. */
export async function findReplay(
  { db }: LiveContext,
  viewer: SignedIn | null,
  streamId: string,
): Promise<string | null> {
  const archiveId = await findArchiveIdOf(db, streamId)
  const found = archiveId === null ? null : await findArchive(db, archiveId)
  if (found === null || !found.stream.keepsChat || !(await mayWatch(db, found.archive, viewer))) return null
  return (await hasMessages(db, streamId)) ? archiveId : null
}

/**
 * Returns messages that were written during a recording, with their moments in it.
 * @throws BrokenRule ARCHIVE_NOT_FOUND, INVALID_CONFIG where the cursor is not one of this list
 */
export async function replayMessages(
  context: LiveContext,
  viewer: SignedIn | null,
  id: string,
  { from, cursor, limit }: ReplayQuery,
): Promise<ReplayedMessages> {
  const { stream } = await findWatchableArchive(context, viewer, id)
  if (!stream.keepsChat) return { messages: [], next_cursor: null }
  const afterSeq = cursor === undefined ? 0 : Number(fromCursor(cursor, SEQ))
  const rows = await readReplay(context.db, stream.streamId, { fromSec: from, afterSeq, limit: limit + 1 })
  const { page, nextCursor } = cutPage(rows, limit, ({ seq }) => String(seq))
  return {
    messages: page.map((row) => ({ ...presentMessage(row), offset: Math.round(row.offsetSec * 1000) / 1000 })),
    next_cursor: nextCursor,
  }
}
