import type { DbOrTx, Tx } from '../../../ports/database.ts'
import type { SignedIn } from '../../accounts/session.ts'
import { findWatchableStream } from '../../broadcasts/find-own-stream.ts'
import type { LiveContext } from '../../context.ts'
import { presentPinned, textInAnyLanguage } from '../present.ts'
import { isModerating, type ChatRole, type PinnedMessage } from '../../rules/chat-entry.ts'
import { chatRoleOf } from '../rules/judge-messages.ts'
import { findBan } from '../store/bans.ts'
import { listEntries, type ChatEntry } from '../store/entries.ts'
import { isModeratorOf } from '../store/moderators.ts'
import { findRoom, updateRoomRow, type ChatRoomRow } from '../store/rooms.ts'
import { changeRoom, requireModerating } from './change-room.ts'
import { requireMessage } from './delete-message.ts'
import type { RoomView } from './present.ts'
import type { UpdateRoomBody } from './requests.ts'

/**
 * Returns the settings of a chat, and what the viewer may do in it.
 * @throws BrokenRule STREAM_NOT_FOUND
 */
export async function getRoom({ db }: LiveContext, viewer: SignedIn | null, streamId: string): Promise<RoomView> {
  const { stream } = await findWatchableStream(db, viewer, streamId)
  const room = await findRoom(db, streamId)
  const { role, bannedUntil } = await readPlace(db, stream.userId, viewer)
  return {
    ...presentRules(room),
    pinned: presentPinned(room === null ? null : await readPinned(db, room)),
    blocked_words: isModerating(role) ? (room?.blockedWords ?? []) : null,
    role,
    banned_until: bannedUntil,
    last_seq: room?.lastSeq ?? 0,
  }
}

/** Returns what a room allows; one without a row has the defaults. */
function presentRules(room: ChatRoomRow | null): Pick<RoomView, 'slow_mode_sec' | 'followers_only'> {
  const { slowModeSec, isFollowersOnly } = room ?? { slowModeSec: 0, isFollowersOnly: false }
  return { slow_mode_sec: slowModeSec, followers_only: isFollowersOnly }
}

/** What a viewer is in the chats of a channel. */
type ViewerPlace = { readonly role: ChatRole; readonly bannedUntil: string | null }

async function readPlace(db: DbOrTx, ownerId: string, viewer: SignedIn | null): Promise<ViewerPlace> {
  if (viewer === null) return { role: 'viewer', bannedUntil: null }
  const { userId, role } = viewer.user
  const [isModerator, ban] = await Promise.all([isModeratorOf(db, ownerId, userId), findBan(db, ownerId, userId)])
  return {
    role: chatRoleOf({ isOwner: ownerId === userId, isModerator, role }),
    bannedUntil: ban === null ? null : (ban.until?.toISOString() ?? 'forever'),
  }
}

async function readPinned(db: DbOrTx, { streamId, pinnedSeq }: ChatRoomRow): Promise<PinnedMessage | null> {
  const [entry] = pinnedSeq === null ? [] : await listEntries(db, streamId, [pinnedSeq])
  return entry === undefined || entry.isDeleted ? null : toPinned(entry)
}

function toPinned(entry: ChatEntry): PinnedMessage {
  const { entryId, userId, username } = entry
  return { entryId, userId, username, text: textInAnyLanguage(entry) }
}

/**
 * Changes the settings of a chat, or pins a message.
 * @throws BrokenRule STREAM_NOT_FOUND, MESSAGE_NOT_FOUND, FORBIDDEN
 */
export async function updateRoom(
  context: LiveContext,
  actor: SignedIn,
  streamId: string,
  body: UpdateRoomBody,
): Promise<RoomView> {
  await changeRoom(context, actor, streamId, async (tx, locked) => {
    requireModerating(locked)
    const { room } = locked
    const pinned = await choosePinned(tx, room, body.pinned)
    const { slow_mode_sec: slowModeSec = room.slowModeSec, blocked_words: blockedWords = room.blockedWords } = body
    const { followers_only: isFollowersOnly = room.isFollowersOnly } = body
    const pinnedSeq = pinned?.seq ?? null
    await updateRoomRow(tx, streamId, { slowModeSec, isFollowersOnly, blockedWords: [...blockedWords], pinnedSeq })
    // The words are for moderators only.
    const isSame =
      slowModeSec === room.slowModeSec && isFollowersOnly === room.isFollowersOnly && pinnedSeq === room.pinnedSeq
    return isSame
      ? []
      : [{ kind: 'room', slowModeSec, isFollowersOnly, pinned: pinned === null ? null : toPinned(pinned) }]
  })
  return getRoom(context, actor, streamId)
}

/** Returns the message that is pinned from now on: where `wanted` is left out, the one that was. */
async function choosePinned(tx: Tx, room: ChatRoomRow, wanted: string | null | undefined): Promise<ChatEntry | null> {
  if (wanted === null) return null
  if (wanted !== undefined) return requireMessage(tx, room.streamId, wanted)
  const [entry] = room.pinnedSeq === null ? [] : await listEntries(tx, room.streamId, [room.pinnedSeq])
  return entry === undefined || entry.isDeleted ? null : entry
}
