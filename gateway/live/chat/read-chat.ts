import type { ReadChat } from '../broadcasts/stream-events.ts'
import type { ChatFrame } from './frame.ts'
import type { ChatRooms } from './rooms.ts'

/** Returns a function that reads chats for the events of broadcasts. Where a gateway has too many readers, it reads none. */
export function createChatReading(rooms: ChatRooms): ReadChat {
  return (streamId, viewer, onEntries) => {
    const reader = {
      viewer,
      send(frame: ChatFrame) {
        onEntries('chat', frame.text())
        const tips = frame.tips()
        if (tips !== null) onEntries('tips', tips)
      },
      // One that leaves too much unread is disconnected by its stream.
      isSlow: () => false,
      // The end of the broadcast, and that it may not be watched any more, end the stream of events as well.
      end: () => {},
    }
    try {
      return rooms.join(streamId, reader, null)
    } catch {
      return () => {}
    }
  }
}
