import type { LiveContext } from '../context.ts'
import type { AccessChecks } from '../playback/access-checks.ts'
import type { FollowedStreams } from '../broadcasts/followed-streams.ts'
import type { Stream } from '../store/streams.ts'
import type { SessionWatch } from '../accounts/session-watch.ts'
import { microBatch } from '../../database/micro-batch.ts'
import type { EncodedEntry } from './frame.ts'
import { presentEntry } from './present.ts'
import type { ChatReader } from './reader.ts'
import { openRoom, type ChatRoom } from './room.ts'
import { READ_LIMIT } from './room-readers.ts'
import { readEntriesAfter, type ChatEntry } from './store/entries.ts'
import { readLastSeqs } from './store/rooms.ts'
import { chatTopicOf } from './topic.ts'

/** The chats that have readers in one gateway. */
export type ChatRooms = {
  /** Lets a reader join the chat of a broadcast; returns a function that ends this, or `null` where there are too many readers. */
  join(streamId: string, reader: ChatReader, fromSeq: number | null): (() => void) | null
}

type FollowedRoom = { readonly room: ChatRoom; readonly close: () => void }

/** Readers of one gateway: a socket takes up to 65 KiB, and the memory limit of its Pod has room for all. */
const MAX_READERS = 20_000
/** Rooms whose newest numbers one statement reads. */
const ROOMS_AT_A_TIME = 1000

/** What the rooms of one gateway follow. */
export type ChatRoomSources = {
  readonly followed: FollowedStreams
  readonly checks: AccessChecks
  readonly sessions: SessionWatch
}

type RoomsContext = Pick<LiveContext, 'db' | 'log' | 'wideNotifier'>

/** Creates the record of the chats that one gateway reads: those that have a reader, and no others. */
export function createChatRooms(context: RoomsContext, { followed, checks, sessions }: ChatRoomSources): ChatRooms {
  const all = new Map<string, FollowedRoom>()
  const readLastSeq = microBatch(ROOMS_AT_A_TIME, (ids: readonly string[]) => readLastSeqs(context.db, ids))
  let readers = 0

  function open(streamId: string): FollowedRoom {
    const room = openRoom(sourceOf(context, streamId, readLastSeq), () => close(streamId, opened))
    const endUnfollowed = createFollowerWatch(context, checks, room)
    const unfollow = followed.follow(streamId, (found) => {
      room.follow(found?.stream ?? null)
      if (found?.stream.visibility === 'followers') void endUnfollowed(found.stream)
    })
    const opened = { room, close: unfollow }
    all.set(streamId, opened)
    return opened
  }
  function close(streamId: string, opened: FollowedRoom): void {
    opened.close()
    if (all.get(streamId) === opened) all.delete(streamId)
  }

  return {
    join(streamId, reader, fromSeq) {
      if (readers >= MAX_READERS) return null
      readers++
      const { room } = all.get(streamId) ?? open(streamId)
      const leave = room.join(reader, fromSeq)
      const { viewer } = reader
      const unwatch = viewer === null ? null : sessions.watch(viewer, () => reader.end('signed_out'))
      let hasLeft = false
      return () => {
        if (hasLeft) return
        hasLeft = true
        readers--
        unwatch?.()
        leave()
      }
    },
  }
}

type ReadLastSeq = (streamId: string) => Promise<number>

function sourceOf({ db, log, wideNotifier }: RoomsContext, streamId: string, readLastSeq: ReadLastSeq) {
  return {
    log,
    readAfter: async (seq: number) => (await readEntriesAfter(db, streamId, seq, READ_LIMIT)).map(encodeEntry),
    readLastSeq: () => readLastSeq(streamId),
    subscribe: (onNews: () => void) => wideNotifier.subscribe(chatTopicOf(streamId), onNews),
  }
}

function encodeEntry(entry: ChatEntry): EncodedEntry {
  const isTip = entry.change?.kind === 'tip' && !entry.isDeleted
  const isDeletion = entry.change?.kind === 'delete' || entry.change?.kind === 'clear'
  return { seq: entry.seq, json: JSON.stringify(presentEntry(entry)), isTip, isDeletion }
}

/** Returns a function that drops the readers of a broadcast for followers who do not follow its owner any more. */
function createFollowerWatch(
  { log }: RoomsContext,
  checks: AccessChecks,
  room: ChatRoom,
): (stream: Stream) => Promise<void> {
  let isChecking = false
  return async (stream) => {
    if (isChecking) return
    isChecking = true
    try {
      const checked = room.readers().map(async (reader) => {
        if (!(await checks.mayStillWatch(stream, reader.viewer))) reader.end('gone')
      })
      await Promise.all(checked)
    } catch (error) {
      log.debug('followers among chat readers could not be read', { stream_id: stream.streamId, error })
    }
    isChecking = false
  }
}
