import type { Log } from '../../../shared/log.ts'
import { alignedPauseMs } from '../../scheduler/aligned-pause.ts'
import { createWakeSignal, type Sleep } from '../../scheduler/wake-signal.ts'
import type { Stream } from '../store/streams.ts'
import type { ChatReader } from './reader.ts'
import { createRecentEntries } from './recent-entries.ts'
import {
  allReaders,
  applyStream,
  catchUp,
  createRoomReaders,
  dropAll,
  dropReader,
  READ_LIMIT,
  sendToAll,
  type ReadEntriesAfter,
  type RoomReaders,
} from './room-readers.ts'
import { tickMsFor } from './rules/tick.ts'

/** What a room reads from. */
export type RoomSource = {
  readonly readAfter: ReadEntriesAfter
  /** Returns the number of the newest entry. */
  readonly readLastSeq: () => Promise<number>
  /** Calls back when there may be something new; returns a function that ends this. */
  readonly subscribe: (onNews: () => void) => () => void
  readonly log: Log
}

/** The readers of one chat in one gateway. */
export type ChatRoom = {
  /** Sends a reader what follows `fromSeq`, or what comes from now on where it is `null`; returns the end of this. */
  join(reader: ChatReader, fromSeq: number | null): () => void
  /** Applies the broadcast as of now; `null`: it is gone or cannot be read. */
  follow(stream: Stream | null): void
  readers(): readonly ChatReader[]
}

/** Interval of looking for what another gateway may have written, in ms: notifications may be lost. */
const POLL_MS = 1000

/**
 * Opens a room. It reads as long as it has readers; `onEmpty` is called once, in the moment in which it finds none: a later
 * reader opens another room.
 */
export function openRoom(source: RoomSource, onEmpty: () => void): ChatRoom {
  const { wake, createSleeper } = createWakeSignal()
  const sleep = createSleeper()
  const room = createRoomReaders()
  const begun = begin(room, source)
  // A failure ends the reading, which waits for it too.
  begun.catch(() => undefined)
  let isRunning = false

  async function run(): Promise<void> {
    const unsubscribe = source.subscribe(wake)
    try {
      await begun
      // A reader may join in the moment between the last look and the end of the reading.
      while (!isEmpty(room)) await readUntilEmpty(room, source, sleep)
    } catch (error) {
      source.log.warn('a chat cannot be read; its readers reconnect', { error })
      dropAll(room, 'failed')
    }
    unsubscribe()
    onEmpty()
  }

  return {
    join(reader, fromSeq) {
      room.behind.add(reader)
      if (!isRunning) void run()
      isRunning = true
      const joining = begun.then(() => {
        const seq = fromSeq ?? room.cursor
        if (room.behind.has(reader)) reader.begin(seq)
        return catchUp(room, reader, seq, source.readAfter)
      })
      void joining.catch(() => dropReader(room, reader, 'failed')).then(() => wake())
      return () => {
        room.joined.delete(reader)
        room.behind.delete(reader)
        if (isEmpty(room)) wake()
      }
    },
    follow(stream) {
      applyStream(room, stream)
      if (isEmpty(room)) wake()
    },
    readers: () => allReaders(room),
  }
}

function isEmpty({ joined, behind }: RoomReaders): boolean {
  return joined.size === 0 && behind.size === 0
}

async function begin(room: RoomReaders, { readLastSeq }: RoomSource): Promise<void> {
  room.cursor = await readLastSeq()
  room.recent = createRecentEntries(room.cursor)
}

/** Reads what is new and sends it, with a pause of a tick after each read, until there is no reader any more. */
async function readUntilEmpty(room: RoomReaders, source: RoomSource, sleep: Sleep): Promise<void> {
  while (!isEmpty(room)) {
    const entries = await source.readAfter(room.cursor)
    if (entries.length > 0) sendToAll(room, entries)
    await new Promise((resolve) => setTimeout(resolve, tickMsFor(room.joined.size)))
    if (entries.length < READ_LIMIT) await waitForNews(room, source, sleep)
  }
}

/** Sleeps until the room is woken, or a poll finds a newer entry. All rooms of a gateway poll at the same moments. */
async function waitForNews(room: RoomReaders, { readLastSeq }: RoomSource, sleep: Sleep): Promise<void> {
  while (!isEmpty(room)) {
    const { any: isWoken } = await sleep(alignedPauseMs(POLL_MS, Date.now()))
    if (isWoken || (await readLastSeq()) > room.cursor) return
  }
}
