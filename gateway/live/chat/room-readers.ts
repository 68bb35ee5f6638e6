import { accessOf } from '../rules/access.ts'
import type { Stream } from '../store/streams.ts'
import { buildFrame, framePast, type ChatFrame, type EncodedEntry } from './frame.ts'
import type { ChatReader, ReaderEnd } from './reader.ts'
import { createRecentEntries, type RecentEntries } from './recent-entries.ts'

/** Entries that one read returns at most. */
export const READ_LIMIT = 500
/** How long a reader may take to catch up, in ms. */
const CATCH_UP_MS = 30_000
/** Interval of looking whether a reader that catches up takes more, in ms. */
const CATCH_UP_PAUSE_MS = 20

/** Returns the entries of a chat after a number, oldest first, at most `READ_LIMIT` of them. */
export type ReadEntriesAfter = (seq: number) => Promise<readonly EncodedEntry[]>

/** The readers of a room, and what they have all read. */
export type RoomReaders = {
  /** Readers who have all up to `cursor`, with the number up to which they have seen more; 0: they have not. */
  readonly joined: Map<ChatReader, number>
  /** Readers who catch up. */
  readonly behind: Set<ChatReader>
  cursor: number
  recent: RecentEntries
}

/** Creates the readers of a room that has none. */
export function createRoomReaders(): RoomReaders {
  return { joined: new Map(), behind: new Set(), cursor: 0, recent: createRecentEntries(0) }
}

/** Returns all readers. */
export function allReaders({ joined, behind }: RoomReaders): ChatReader[] {
  return [...joined.keys(), ...behind]
}

/** Sends new entries, of which there is at least one, to all who have those before, and drops who is too slow. */
export function sendToAll(room: RoomReaders, entries: readonly EncodedEntry[]): void {
  const frame = buildFrame(entries)
  room.cursor = frame.lastSeq
  room.recent.add(entries)
  for (const [reader, seen] of room.joined) {
    if (reader.isSlow()) dropReader(room, reader, 'slow')
    else if (seen === 0) reader.send(frame)
    else sendPast(room, reader, frame, seen)
  }
}

/** Sends a frame to a reader who comes from a gateway that was ahead of this one. */
function sendPast({ joined }: RoomReaders, reader: ChatReader, frame: ChatFrame, seen: number): void {
  const rest = framePast(frame, seen)
  if (rest !== null) reader.send(rest)
  if (seen <= frame.lastSeq) joined.set(reader, 0)
}

/** Sends a reader what follows a number, and makes it one of those who get what is new. */
export async function catchUp(
  room: RoomReaders,
  reader: ChatReader,
  fromSeq: number,
  readAfter: ReadEntriesAfter,
): Promise<void> {
  let seen = fromSeq
  while (room.behind.has(reader)) {
    const recent = seen >= room.cursor ? [] : room.recent.after(seen)
    if (recent !== null) {
      if (recent.length > 0) reader.send(buildFrame(recent))
      room.behind.delete(reader)
      room.joined.set(reader, seen > room.cursor ? seen : 0)
      return
    }
    const known = room.cursor
    const entries = await readAfter(seen)
    if (!room.behind.has(reader)) return
    if (entries.length > 0) reader.send(buildFrame(entries))
    // What is missing there has left the live chat.
    seen = entries.at(-1)?.seq ?? known
    await waitForReader(room, reader)
  }
}

/** Waits until a reader who catches up has taken most of what it was sent, and drops one who takes too long. */
async function waitForReader(room: RoomReaders, reader: ChatReader): Promise<void> {
  const deadlineMs = performance.now() + CATCH_UP_MS
  while (reader.isSlow() && room.behind.has(reader)) {
    if (performance.now() > deadlineMs) return dropReader(room, reader, 'slow')
    await new Promise((resolve) => setTimeout(resolve, CATCH_UP_PAUSE_MS))
  }
}

/**
 * Drops those who may not watch a broadcast as it is now; all of them where it has ended or is gone. Who follows its owner is
 * not known here.
 */
export function applyStream(room: RoomReaders, stream: Stream | null): void {
  if (stream === null) return dropAll(room, 'failed')
  if (stream.state === 'ended') return dropAll(room, 'ended')
  for (const reader of allReaders(room)) {
    if (accessOf(stream, reader.viewer) === 'denied') dropReader(room, reader, 'gone')
  }
}

/** Ends the connections of all readers. */
export function dropAll(room: RoomReaders, reason: ReaderEnd): void {
  for (const reader of allReaders(room)) dropReader(room, reader, reason)
}

/** Ends the connection of a reader. */
export function dropReader({ joined, behind }: RoomReaders, reader: ChatReader, reason: ReaderEnd): void {
  joined.delete(reader)
  behind.delete(reader)
  reader.end(reason)
}
