import type { ReadChat } from '../broadcasts/stream-events.ts'
import type { ChatFrame } from './frame.ts'
import type { ReaderEnd } from './reader.ts'
import type { ChatRooms } from './rooms.ts'

/** Returns a function that reads chats for the events of broadcasts. Where a gateway has too many readers, it reads none. */
export function createChatReading(rooms: ChatRooms): ReadChat {
  return (streamId, viewer, { fromSeq, onBegin, onEntries, onLost }) => {
    const reader = {
      viewer,
      begin: onBegin,
      send(frame: ChatFrame) {
        const tips = frame.tips()
        // First, since a client that has the chat does not read it again.
        if (tips !== null) onEntries('tips', tips, null)
        onEntries('chat', frame.text(), frame.lastSeq)
      },
      // One that leaves too much unread is disconnected by its stream.
      isSlow: () => false,
      // The stream of events ends with the broadcast by itself, after it has said so.
      end(reason: ReaderEnd) {
        if (reason !== 'ended') onLost()
      },
    }
    return rooms.join(streamId, reader, fromSeq) ?? (() => {})
  }
}
