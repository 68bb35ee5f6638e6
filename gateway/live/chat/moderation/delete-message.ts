import { UUID } from '../../../../shared/ids.ts'
import { BrokenRule } from '../../../errors.ts'
import type { SignedIn } from '../../accounts/session.ts'
import type { LiveContext } from '../../context.ts'
import { LIVE_ERRORS } from '../../errors.ts'
import type { DbOrTx } from '../../../ports/database.ts'
import { deleteMessages, findMessage, type ChatEntry } from '../store/entries.ts'
import { changeRoom, recordPlatformAction, requireModerating } from './change-room.ts'
import { unpinMessage } from './unpin-message.ts'

/**
 * Deletes a message: its author, the owner of the chat, or a moderator.
 * @throws BrokenRule STREAM_NOT_FOUND, MESSAGE_NOT_FOUND, FORBIDDEN
 */
export async function deleteMessage(
  context: LiveContext,
  actor: SignedIn,
  streamId: string,
  messageId: string,
): Promise<void> {
  await changeRoom(context, actor, streamId, async (tx, locked) => {
    const message = await requireMessage(tx, streamId, messageId)
    if (message.userId !== actor.user.userId) {
      requireModerating(locked)
      const target = { kind: 'message' as const, id: messageId }
      const reason = `author ${message.userId}`
      await recordPlatformAction(tx, actor, locked, { action: 'delete_message', target, reason })
    }
    await deleteMessages(tx, streamId, { entryId: messageId })
    const deleted = { kind: 'delete' as const, entryId: messageId }
    const { room } = locked
    return room.pinnedSeq === message.seq ? [deleted, await unpinMessage(tx, room)] : [deleted]
  })
}

/** Returns a message of a chat. @throws BrokenRule MESSAGE_NOT_FOUND */
export async function requireMessage(db: DbOrTx, streamId: string, messageId: string): Promise<ChatEntry> {
  const message = UUID.test(messageId) ? await findMessage(db, streamId, messageId) : null
  if (message !== null) return message
  throw new BrokenRule(LIVE_ERRORS.MESSAGE_NOT_FOUND, 'this chat has no message of this id')
}
