import type { Tx } from '../../../ports/database.ts'
import type { RoomChange } from '../../rules/chat-entry.ts'
import { updateRoomRow, type ChatRoomRow } from '../store/rooms.ts'

/** Takes the pinned message of a chat down; returns what its readers must learn. */
export async function unpinMessage(
  tx: Tx,
  { streamId, slowModeSec, isFollowersOnly }: ChatRoomRow,
): Promise<RoomChange> {
  await updateRoomRow(tx, streamId, { pinnedSeq: null })
  return { kind: 'room', slowModeSec, isFollowersOnly, pinned: null }
}
