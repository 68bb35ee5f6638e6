import * as v from 'valibot'

import type { ChatEntry } from './store/entries.ts'
import { formatMoney } from '../rules/money.ts'
import type { PinnedMessage, RoomChange } from '../rules/chat-entry.ts'

const Moment = v.pipe(v.string(), v.isoTimestamp())

/** A message of a chat. */
export const ChatMessage = v.object({
  type: v.literal('message'),
  /** Its number in the chat: 1, 2, 3, … in one order for all. */
  seq: v.number(),
  id: v.string(),
  user: v.object({
    user_id: v.string(),
    username: v.string(),
    /** What the user was in this chat. */
    role: v.picklist(['owner', 'moderator', 'viewer']),
  }),
  /** Of a tip, the amount and the sender's own text. */
  text: v.string(),
  at: Moment,
  /** Of a tip only; `amount` is in minor units. */
  tip: v.optional(v.object({ amount: v.number(), currency: v.string(), message: v.string() })),
})
export type ChatMessage = v.InferOutput<typeof ChatMessage>

/** Answer to `GET /streams/{id}/messages`. */
export const ChatMessageList = v.object({
  messages: v.array(ChatMessage),
  next_cursor: v.nullable(v.string()),
  /** The number of the newest entry of the chat: `from` continues after it. */
  last_seq: v.number(),
})
export type ChatMessageList = v.InferOutput<typeof ChatMessageList>

/** Answer to `GET /archives/{id}/messages`: `offset` is in seconds of the recording. */
export const ReplayedMessages = v.object({
  messages: v.array(v.object({ ...ChatMessage.entries, offset: v.number() })),
  next_cursor: v.nullable(v.string()),
})
export type ReplayedMessages = v.InferOutput<typeof ReplayedMessages>

/** What of an entry that is a message is shown. */
type WrittenMessage = Pick<
  ChatEntry,
  'seq' | 'entryId' | 'userId' | 'username' | 'role' | 'text' | 'change' | 'createdAt'
>

/** Returns a message as all see it. */
export function presentMessage(entry: WrittenMessage): ChatMessage {
  const { seq, entryId, userId, username, role, text: message, change, createdAt } = entry
  const user = { user_id: userId, username, role }
  const tip = change?.kind === 'tip' ? { tip: { amount: change.amount, currency: change.currency, message } } : {}
  return { type: 'message', seq, id: entryId, user, text: textOf(entry), at: createdAt.toISOString(), ...tip }
}

/** Returns the text of an entry for clients that know no tips. */
function textOf(entry: Pick<ChatEntry, 'text' | 'change'>): string {
  return entry.change?.kind === 'tip' ? `Tip ${textInAnyLanguage(entry)}` : entry.text
}

/** Returns the text of an entry without a word that its user has not written. That of a tip begins with the amount. */
export function textInAnyLanguage({ text, change }: Pick<ChatEntry, 'text' | 'change'>): string {
  if (change?.kind !== 'tip') return text
  const money = formatMoney(change.amount, change.currency)
  return text === '' ? money : `${money} · ${text}`
}

/** Returns an entry of any kind as all see it. A message that was deleted keeps its number. */
export function presentEntry(entry: ChatEntry): Readonly<Record<string, unknown>> {
  const { seq, entryId: id, change } = entry
  const at = entry.createdAt.toISOString()
  switch (change?.kind) {
    case undefined:
    case 'tip':
      return entry.isDeleted ? { type: 'deleted', seq, id, at } : presentMessage(entry)
    case 'delete':
      return { type: 'delete', seq, id, message_id: change.entryId, at }
    case 'clear':
      return { type: 'clear', seq, id, user_id: change.userId, at }
    case 'room':
      return { type: 'room', seq, id, ...presentSettings(change), at }
  }
}

function presentSettings({ slowModeSec, isFollowersOnly = false, pinned }: RoomSettings) {
  return { slow_mode_sec: slowModeSec, followers_only: isFollowersOnly, pinned: presentPinned(pinned) }
}
type RoomSettings = Extract<RoomChange, { readonly kind: 'room' }>

/** A message that is pinned, as it was when it was pinned. */
export const PinnedView = v.object({
  id: v.string(),
  user: v.object({ user_id: v.string(), username: v.string() }),
  text: v.string(),
})
export type PinnedView = v.InferOutput<typeof PinnedView>

/** Returns a pinned message as all see it. */
export function presentPinned(pinned: PinnedMessage | null): PinnedView | null {
  if (pinned === null) return null
  const { entryId: id, userId, username, text } = pinned
  return { id, user: { user_id: userId, username }, text }
}
