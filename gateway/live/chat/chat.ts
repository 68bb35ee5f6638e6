import type { LiveContext } from '../context.ts'
import type { ChatRooms } from './rooms.ts'
import type { MessageWriter } from './post-messages.ts'

/** What the chats of one gateway share. */
export type Chat = {
  readonly context: LiveContext
  readonly rooms: ChatRooms
  readonly writer: MessageWriter
}
