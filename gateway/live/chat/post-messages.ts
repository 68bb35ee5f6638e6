import { newUuid, UUID } from '../../../shared/ids.ts'
import { BrokenRule, KERNEL_ERRORS } from '../../errors.ts'
import type { Tx } from '../../ports/database.ts'
import type { LiveContext } from '../context.ts'
import { LIVE_ERRORS } from '../errors.ts'
import { accessOf } from '../rules/access.ts'
import { presentMessage, type ChatMessage } from './present.ts'
import { createWordFilter } from './rules/blocked-words.ts'
import {
  chatRoleOf,
  judgeMessages,
  nonceKeyOf,
  type MessageDraft,
  type MessageRefusal,
  type MessageVerdict,
  type Sender,
} from './rules/judge-messages.ts'
import { findNonces, listEntries, writeEntries } from './store/entries.ts'
import { lockRoom, type LockedRoom } from './store/rooms.ts'
import { readSenders, type SenderRow } from './store/senders.ts'
import { chatTopicOf } from './topic.ts'

/** Writes messages to chats. Those that come to a chat together are written together. */
export type MessageWriter = {
  /**
   * Writes a message; one with the nonce of an earlier message of the user is that one.
   * @throws BrokenRule STREAM_NOT_FOUND, STREAM_ENDED, CHAT_BANNED, FOLLOWERS_ONLY, CHAT_LIMITED, WORD_BLOCKED, GATEWAY_BUSY
   */
  post(streamId: string, draft: MessageDraft): Promise<ChatMessage>
}

type WaitingMessage = {
  readonly draft: MessageDraft
  readonly resolve: (message: ChatMessage) => void
  readonly reject: (error: unknown) => void
}

/** How long a message waits for others, in ms. */
const COLLECT_MS = 40
const MAX_BATCH = 200
/** Messages of one chat that may wait. */
const MAX_WAITING = 2000
const RETRY_SEC = 2

/** Creates the writer of one gateway. */
export function createMessageWriter(context: LiveContext): MessageWriter {
  const waiting = new Map<string, WaitingMessage[]>()

  async function writeAll(streamId: string, queue: WaitingMessage[]): Promise<void> {
    while (queue.length > 0) {
      await new Promise((resolve) => setTimeout(resolve, COLLECT_MS))
      const batch = queue.splice(0, MAX_BATCH)
      await writeBatch(context, streamId, batch).catch((error: unknown) => {
        for (const { reject } of batch) reject(error)
      })
    }
    waiting.delete(streamId)
  }

  return {
    post(streamId, draft) {
      return new Promise((resolve, reject) => {
        const message = { draft, resolve, reject }
        const queue = waiting.get(streamId)
        if (queue === undefined) {
          const started = [message]
          waiting.set(streamId, started)
          void writeAll(streamId, started)
        } else if (queue.length >= MAX_WAITING) reject(tooManyMessages())
        else queue.push(message)
      })
    },
  }
}

async function writeBatch(context: LiveContext, streamId: string, batch: readonly WaitingMessage[]): Promise<void> {
  const drafts = batch.map(({ draft }) => draft)
  const written = await context.transact((tx) => writeDrafts(tx, streamId, drafts))
  context.wideNotifier.notify(chatTopicOf(streamId))
  for (const [i, { resolve, reject }] of batch.entries()) {
    const verdict = written.verdicts[i] ?? { kind: 'refused', refusal: { code: 'gone' } }
    const message = verdict.kind === 'refused' ? undefined : written.messages.get(verdict.seq)
    if (message !== undefined) resolve(message)
    else reject(refusalOf(verdict.kind === 'refused' ? verdict.refusal : { code: 'gone' }))
  }
}

type WrittenDrafts = {
  readonly verdicts: readonly MessageVerdict[]
  readonly messages: ReadonlyMap<number, ChatMessage>
}

async function writeDrafts(tx: Tx, streamId: string, drafts: readonly MessageDraft[]): Promise<WrittenDrafts> {
  const locked = UUID.test(streamId) ? await lockRoom(tx, streamId) : null
  if (locked === null) return { verdicts: [], messages: new Map() }
  const { room, stream } = locked
  const userIds = [...new Set(drafts.map(({ userId }) => userId))]
  const [{ nowMs, senders: rows }, nonces] = await Promise.all([
    readSenders(tx, { streamId, ownerId: stream.userId }, userIds),
    findNonces(tx, streamId, drafts),
  ])
  const senders = rows.map((row) => toSender(row, locked))
  const {
    verdicts,
    lastSeq,
    senders: writers,
  } = judgeMessages(drafts, {
    nowMs,
    lastSeq: room.lastSeq,
    rules: { state: stream.state, ...room, hasBlockedWord: createWordFilter(room.blockedWords) },
    senders,
    known: new Map(nonces.map((one) => [nonceKeyOf(one), one.seq])),
  })
  const at = new Date(nowMs)
  const byId = new Map(senders.map((sender) => [sender.userId, sender]))
  const entries = drafts.flatMap(({ userId, text, nonce }, i) => {
    const [verdict, sender] = [verdicts[i], byId.get(userId)]
    if (verdict?.kind !== 'written' || sender === undefined) return []
    const { role, username } = sender
    return [
      {
        seq: verdict.seq,
        entryId: newUuid(),
        kind: 'message' as const,
        userId,
        role,
        username,
        text,
        nonce,
        change: null,
      },
    ]
  })
  if (entries.length > 0) await writeEntries(tx, streamId, { at, lastSeq, entries, senders: writers })
  const messages = new Map(entries.map((entry) => [entry.seq, presentMessage({ ...entry, createdAt: at })]))
  for (const entry of await readAgain(tx, streamId, verdicts, messages)) messages.set(entry.seq, entry)
  return { verdicts, messages }
}

/** Returns the messages that were written before. */
async function readAgain(
  tx: Tx,
  streamId: string,
  verdicts: readonly MessageVerdict[],
  written: ReadonlyMap<number, ChatMessage>,
): Promise<ChatMessage[]> {
  const seqs = verdicts.flatMap((one) => (one.kind === 'again' && !written.has(one.seq) ? [one.seq] : []))
  return seqs.length === 0 ? [] : (await listEntries(tx, streamId, seqs)).map(presentMessage)
}

/** Returns what is known of a user who writes in a room. */
export function toSender({ isModerator, isFollower, role, ...row }: SenderRow, { stream }: LockedRoom): Sender {
  const { userId } = row
  const access = accessOf(stream, { user: { userId, role } })
  return {
    ...row,
    role: chatRoleOf({ isOwner: userId === stream.userId, isModerator, role }),
    mayWatch: access === 'granted' || (access === 'followers' && isFollower),
    isFollower,
  }
}

/** Returns the refusal of a message as the rule that it breaks. */
export function refusalOf(refusal: MessageRefusal): BrokenRule {
  switch (refusal.code) {
    case 'gone':
      return new BrokenRule(LIVE_ERRORS.STREAM_NOT_FOUND, 'there is no broadcast of this id')
    case 'ended':
      return new BrokenRule(LIVE_ERRORS.STREAM_ENDED, 'this broadcast has ended, and its chat with it')
    case 'followers_only':
      return new BrokenRule(
        LIVE_ERRORS.FOLLOWERS_ONLY,
        'only followers of this channel may write in this chat; follow it',
      )
    case 'word_blocked':
      return new BrokenRule(LIVE_ERRORS.WORD_BLOCKED, 'the moderators of this chat do not allow a word of this message')
    case 'banned':
      return new BrokenRule(LIVE_ERRORS.CHAT_BANNED, describeBan(refusal.untilMs))
    case 'too_fast':
      return tooFast(refusal.waitMs, 'messages come too fast')
    case 'slow_mode':
      return tooFast(refusal.waitMs, 'this chat is in slow mode')
  }
}

function describeBan(untilMs: number | null): string {
  const until = untilMs === null ? '' : ` until ${new Date(untilMs).toISOString()}`
  return `a moderator does not let you write in the chats of this channel${until}`
}

/** Returns the refusal of a message that comes too early. */
export function tooFast(waitMs: number, reason: string): BrokenRule {
  const retryAfterSec = Math.max(1, Math.ceil(waitMs / 1000))
  return new BrokenRule(LIVE_ERRORS.CHAT_LIMITED, `${reason}; try again in ${retryAfterSec} s`, { retryAfterSec })
}

function tooManyMessages(): BrokenRule {
  const message = 'too many messages wait to be written to this chat; try again'
  return new BrokenRule(KERNEL_ERRORS.GATEWAY_BUSY, message, { retryAfterSec: RETRY_SEC })
}
