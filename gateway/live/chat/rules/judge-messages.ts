import type { Role } from '../../roles.ts'
import type { BroadcastState } from '../../rules/broadcast-state.ts'
import type { WordFilter } from './blocked-words.ts'
import { isModerating, type ChatRole } from '../../rules/chat-entry.ts'
import { judgeRate } from './message-rate.ts'

/** What a room allows. */
export type RoomRules = {
  readonly state: BroadcastState
  readonly slowModeSec: number
  readonly isFollowersOnly: boolean
  readonly hasBlockedWord: WordFilter
}

/** What is known of a user who writes. */
export type Sender = {
  readonly userId: string
  readonly username: string
  readonly role: ChatRole
  readonly mayWatch: boolean
  readonly isFollower: boolean
  /** `null`: not banned; `Infinity`: for good. */
  readonly bannedUntilMs: number | null
  readonly paidUntilMs: number
  readonly lastMs: number
}

/** A message that a user wants to write. */
export type MessageDraft = { readonly userId: string; readonly text: string; readonly nonce: string }

/** Why a message is refused. */
export type MessageRefusal =
  | { readonly code: 'gone' | 'ended' | 'followers_only' | 'word_blocked' }
  | { readonly code: 'banned'; readonly untilMs: number | null }
  | { readonly code: 'too_fast' | 'slow_mode'; readonly waitMs: number }

/** What becomes of a message: `again` is one that was written before, with its number. */
export type MessageVerdict =
  | { readonly kind: 'written'; readonly seq: number }
  | { readonly kind: 'again'; readonly seq: number }
  | { readonly kind: 'refused'; readonly refusal: MessageRefusal }

/** A room at one moment: who writes in it, and the messages of these users that were written before, by `nonceKeyOf`. */
export type RoomMoment = {
  readonly nowMs: number
  readonly lastSeq: number
  readonly rules: RoomRules
  readonly senders: readonly Sender[]
  readonly known: ReadonlyMap<string, number>
}

/** The verdicts in the order of the drafts, the number of the newest message, and the senders who wrote. */
export type JudgedMessages = {
  readonly verdicts: readonly MessageVerdict[]
  readonly lastSeq: number
  readonly senders: readonly Sender[]
}

/** Returns the key of a message of a user. */
export function nonceKeyOf({ userId, nonce }: Pick<MessageDraft, 'userId' | 'nonce'>): string {
  return `${userId}/${nonce}`
}

/** Judges messages that come together, in their order, and numbers those that are written without a gap. */
export function judgeMessages(drafts: readonly MessageDraft[], moment: RoomMoment): JudgedMessages {
  const { rules, nowMs } = moment
  const senders = new Map(moment.senders.map((sender) => [sender.userId, sender]))
  const known = new Map(moment.known)
  const writers = new Map<string, Sender>()
  let { lastSeq } = moment
  const verdicts = drafts.map((draft): MessageVerdict => {
    const before = known.get(nonceKeyOf(draft))
    if (before !== undefined) return { kind: 'again', seq: before }
    const sender = senders.get(draft.userId)
    if (sender === undefined) return { kind: 'refused', refusal: { code: 'gone' } }
    const refusal = findRefusal(draft.text, sender, rules, nowMs)
    if (refusal !== null) return { kind: 'refused', refusal }
    lastSeq += 1
    known.set(nonceKeyOf(draft), lastSeq)
    const after = { ...sender, paidUntilMs: judgeRate(sender.paidUntilMs, nowMs).paidUntilMs, lastMs: nowMs }
    senders.set(draft.userId, after)
    writers.set(draft.userId, after)
    return { kind: 'written', seq: lastSeq }
  })
  return { verdicts, lastSeq, senders: [...writers.values()] }
}

function findRefusal(text: string, sender: Sender, rules: RoomRules, nowMs: number): MessageRefusal | null {
  if (!sender.mayWatch) return { code: 'gone' }
  if (rules.state === 'ended') return { code: 'ended' }
  const ban = findBanRefusal(sender, nowMs)
  if (ban !== null) return ban
  const { waitMs } = judgeRate(sender.paidUntilMs, nowMs)
  if (waitMs > 0) return { code: 'too_fast', waitMs }
  return isModerating(sender.role) ? null : findSettingsRefusal(text, sender, rules, nowMs)
}

/** Returns why the settings of a room refuse the message of a viewer, or `null`. */
function findSettingsRefusal(text: string, sender: Sender, rules: RoomRules, nowMs: number): MessageRefusal | null {
  if (rules.isFollowersOnly && !sender.isFollower) return { code: 'followers_only' }
  const slowMs = sender.lastMs + rules.slowModeSec * 1000 - nowMs
  if (slowMs > 0) return { code: 'slow_mode', waitMs: slowMs }
  return rules.hasBlockedWord(text) ? { code: 'word_blocked' } : null
}

function findBanRefusal({ bannedUntilMs }: Sender, nowMs: number): MessageRefusal | null {
  if (bannedUntilMs === null || bannedUntilMs <= nowMs) return null
  return { code: 'banned', untilMs: bannedUntilMs === Infinity ? null : bannedUntilMs }
}

/** What binds the texts of tips in a room, at one moment. */
export type TipTextMoment = {
  readonly nowMs: number
  readonly rules: Pick<RoomRules, 'isFollowersOnly' | 'hasBlockedWord'>
}

/** Returns why a chat does not show the text of a tip, or `null`. All but limits of rate bind it. */
export function findTipTextRefusal(
  text: string,
  sender: Sender,
  { nowMs, rules }: TipTextMoment,
): MessageRefusal | null {
  if (text === '') return null
  const ban = findBanRefusal(sender, nowMs)
  return ban !== null || isModerating(sender.role) ? ban : findTextRefusal(text, sender, rules)
}

/** Returns why a viewer may not write a text in a room, however seldom, or `null`. */
function findTextRefusal(
  text: string,
  { isFollower }: Sender,
  { isFollowersOnly, hasBlockedWord }: TipTextMoment['rules'],
): MessageRefusal | null {
  if (isFollowersOnly && !isFollower) return { code: 'followers_only' }
  return hasBlockedWord(text) ? { code: 'word_blocked' } : null
}

/** Returns what a user is in a chat: moderators of the platform moderate every one. */
export function chatRoleOf(user: {
  readonly isOwner: boolean
  readonly isModerator: boolean
  readonly role: Role
}): ChatRole {
  if (user.isOwner) return 'owner'
  return user.isModerator || user.role !== 'user' ? 'moderator' : 'viewer'
}
