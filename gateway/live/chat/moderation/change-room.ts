import { newUuid, UUID } from '../../../../shared/ids.ts'
import { BrokenRule, KERNEL_ERRORS } from '../../../errors.ts'
import type { Tx } from '../../../ports/database.ts'
import { sessionEnded, type SignedIn } from '../../accounts/session.ts'
import type { LiveContext } from '../../context.ts'
import { LIVE_ERRORS } from '../../errors.ts'
import { mayWatch } from '../../playback/access.ts'
import { isModerating, type ChatRole, type RoomChange } from '../../rules/chat-entry.ts'
import { insertAuditEntry, type NewAuditEntry } from '../../store/audit.ts'
import { chatRoleOf } from '../rules/judge-messages.ts'
import { writeEntries } from '../store/entries.ts'
import { lockRoom, type LockedRoom } from '../store/rooms.ts'
import { readSenders } from '../store/senders.ts'
import { chatTopicOf } from '../topic.ts'

/** A room that is locked, and what the one who changes it is in it. */
export type RoomOfActor = LockedRoom & {
  readonly role: ChatRole
  /** Acts in the room of another user, as a moderator of the platform. */
  readonly isOfPlatform: boolean
}

/** Changes a room in a transaction; returns what all readers must learn. */
export type ChangeInRoom = (tx: Tx, room: RoomOfActor) => Promise<readonly RoomChange[]>

/**
 * Changes the chat of a broadcast, and lets its readers know.
 * @throws BrokenRule STREAM_NOT_FOUND, UNAUTHORIZED, and what `change` throws
 */
export async function changeRoom(
  { transact, wideNotifier }: LiveContext,
  actor: SignedIn,
  streamId: string,
  change: ChangeInRoom,
): Promise<void> {
  await transact(async (tx) => {
    const { userId } = actor.user
    const locked = UUID.test(streamId) ? await lockRoom(tx, streamId) : null
    if (locked === null || !(await mayWatch(tx, locked.stream, actor))) throw noSuchStream()
    const { userId: ownerId } = locked.stream
    const { nowMs, senders } = await readSenders(tx, { streamId, ownerId }, [userId])
    const [sender] = senders
    if (sender === undefined) throw sessionEnded()
    const isOwner = ownerId === userId
    const isOfPlatform = !isOwner && sender.role !== 'user'
    const room = { ...locked, role: chatRoleOf({ ...sender, isOwner }), isOfPlatform }
    const changes = await change(tx, room)
    if (changes.length > 0) await appendChanges(tx, room, changes, { userId, at: new Date(nowMs) })
  })
  wideNotifier.notify(chatTopicOf(streamId))
}

async function appendChanges(
  tx: Tx,
  { room, role }: RoomOfActor,
  changes: readonly RoomChange[],
  { userId, at }: { readonly userId: string; readonly at: Date },
): Promise<void> {
  const { streamId, lastSeq } = room
  const entries = changes.map((change, i) => ({
    seq: lastSeq + 1 + i,
    entryId: newUuid(),
    kind: change.kind,
    userId,
    role,
    text: '',
    nonce: null,
    change,
  }))
  await writeEntries(tx, streamId, { at, lastSeq: lastSeq + changes.length, entries, senders: [] })
}

/** Records in the audit log what a moderator of the platform does in the chat of another user; `reason`: what was chosen. */
export async function recordPlatformAction(
  tx: Tx,
  actor: SignedIn,
  { isOfPlatform, stream }: Pick<RoomOfActor, 'isOfPlatform' | 'stream'>,
  { reason, ...entry }: Omit<NewAuditEntry, 'actor'>,
): Promise<void> {
  if (!isOfPlatform) return
  const channel = `channel ${stream.userId}`
  await insertAuditEntry(tx, { ...entry, actor, reason: reason === '' ? channel : `${channel}, ${reason}` })
}

/** Refuses those who may not moderate a chat. @throws BrokenRule FORBIDDEN */
export function requireModerating({ role }: Pick<RoomOfActor, 'role'>): void {
  if (isModerating(role)) return
  throw new BrokenRule(KERNEL_ERRORS.FORBIDDEN, 'only the owner and the moderators of a chat may do this')
}

/** Returns the refusal of a request for what does not exist, or may not be watched. */
function noSuchStream(): BrokenRule {
  return new BrokenRule(LIVE_ERRORS.STREAM_NOT_FOUND, 'there is no broadcast of this id')
}
