import { newUuid } from '../../../shared/ids.ts'
import type { Tx } from '../../ports/database.ts'
import { refusalOf, toSender } from './post-messages.ts'
import { createWordFilter } from './rules/blocked-words.ts'
import { findTipTextRefusal, type MessageRefusal, type Sender } from './rules/judge-messages.ts'
import { writeEntries } from './store/entries.ts'
import { lockRoom, type LockedRoom } from './store/rooms.ts'
import { readSenders } from './store/senders.ts'

/** A tip as a chat shows it; `amount` is in minor units. */
export type ChatTip = {
  readonly streamId: string
  readonly userId: string
  readonly text: string
  readonly amount: number
  readonly currency: string
}

/**
 * Refuses the text of a tip that the chat would not show.
 * @throws BrokenRule CHAT_BANNED, FOLLOWERS_ONLY, WORD_BLOCKED, STREAM_NOT_FOUND
 */
export async function requireTipText(tx: Tx, tip: Pick<ChatTip, 'streamId' | 'userId' | 'text'>): Promise<void> {
  const place = await lockPlace(tx, tip)
  const refusal: MessageRefusal | null = place === null ? { code: 'gone' } : judge(tip.text, place)
  if (refusal !== null) throw refusalOf(refusal)
}

/**
 * Writes a tip to the chat of its broadcast, where sender and broadcast are still there. A text that has come to be
 * forbidden since it was sent is left out.
 */
export async function postTip(tx: Tx, tip: ChatTip): Promise<void> {
  const place = await lockPlace(tx, tip)
  if (place === null) return
  const { locked, sender, nowMs } = place
  const { userId, role } = sender
  const seq = locked.room.lastSeq + 1
  const entry = {
    seq,
    entryId: newUuid(),
    kind: 'tip' as const,
    userId,
    role,
    text: judge(tip.text, place) === null ? tip.text : '',
    nonce: null,
    change: { kind: 'tip' as const, amount: tip.amount, currency: tip.currency },
  }
  await writeEntries(tx, tip.streamId, { at: new Date(nowMs), lastSeq: seq, entries: [entry], senders: [] })
}

/** A room that is locked, and the one who tips in it. */
type TipPlace = { readonly locked: LockedRoom; readonly sender: Sender; readonly nowMs: number }

async function lockPlace(tx: Tx, { streamId, userId }: Pick<ChatTip, 'streamId' | 'userId'>): Promise<TipPlace | null> {
  const locked = await lockRoom(tx, streamId)
  if (locked === null) return null
  const { nowMs, senders } = await readSenders(tx, { streamId, ownerId: locked.stream.userId }, [userId])
  const [row] = senders
  return row === undefined ? null : { locked, sender: toSender(row, locked), nowMs }
}

function judge(text: string, { locked, sender, nowMs }: TipPlace): MessageRefusal | null {
  const { isFollowersOnly, blockedWords } = locked.room
  const rules = { isFollowersOnly, hasBlockedWord: createWordFilter(blockedWords) }
  return findTipTextRefusal(text, sender, { nowMs, rules })
}
