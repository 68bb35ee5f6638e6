import type { SQL } from 'drizzle-orm'

import type { Context } from '../context.ts'
import type { PeriodicTask } from '../scheduler/periodic-task.ts'
import {
  freeMessagesOf,
  listMessageOwners,
  messageDueInMs,
  nextMessageInMs,
  takeDueMessages,
  type MessageQueue,
} from './store/messages.ts'

/** Sends the messages of a queue. */
export type MessageDelivery = {
  /** The task that starts an attempt for each due message. */
  readonly task: PeriodicTask
  /** Frees the messages of gateways that are known to be dead; to be called once, at start. */
  takeOver(): Promise<void>
  /** Resolves once the current attempts have ended, and starts no others. */
  drain(): Promise<void>
  /** Returns in how many ms a message becomes due; `null` where none does within `leftMs`. */
  nextDueInMs(leftMs: number): Promise<number | null>
}

/** Receivers of a queue, of which none may hold up the messages of the others. */
export type ReceiverShare<Message> = {
  /** Attempts at a time for one receiver: less than for all. */
  readonly atATime: number
  readonly receiverOf: (message: Message) => string
  /** Returns the condition that a message is for none of these receivers. */
  readonly isForOthers: (receivers: readonly string[]) => SQL
}

/** How the messages of a queue are sent. */
export type MessageDeliveryParts<Message> = {
  /** What is sent, in words: `mails`. */
  readonly name: string
  readonly queue: MessageQueue<Message>
  /** Attempts at a time. */
  readonly atATime: number
  /** Lease of a message, in seconds: longer than one attempt can take. */
  readonly leaseSec: number
  /** Left out where all messages have one receiver. */
  readonly share?: ReceiverShare<Message>
  /** Makes one attempt: it deletes the message, or postpones it. */
  readonly attempt: (message: Message) => Promise<void>
}

/**
 * Creates the delivery of one gateway. A message is deleted after it was sent: where a gateway dies in between, another one
 * sends it again.
 */
export function createMessageDelivery<Message>(
  context: Context,
  { name, queue, atATime, leaseSec, share, attempt }: MessageDeliveryParts<Message>,
): MessageDelivery {
  const { db, identity, log } = context
  /** The current attempts, and whom they are for. */
  const attempts = new Map<Promise<void>, string>()
  let isDraining = false

  function start(message: Message): void {
    const running = attempt(message)
      .catch((error: unknown) => log.error('attempt to send a message broke off', { queue: name, error }))
      .finally(() => {
        attempts.delete(running)
        context.wake()
      })
    attempts.set(running, share?.receiverOf(message) ?? '')
  }

  async function sendDue(): Promise<number | null> {
    for (;;) {
      const { limit, where } = findRoom([...attempts.values()], atATime, share)
      // An attempt that ends wakes the next run.
      if (isDraining || limit <= 0) return null
      const messages = await takeDueMessages(db, queue, { owner: identity.id, limit, leaseSec, where })
      for (const message of messages) start(message)
      if (messages.length < limit) return nextMessageInMs(db, queue, where)
    }
  }

  return {
    task: { name: `send ${name}`, everyMs: 0, dueInMs: messageDueInMs(queue), run: sendDue },
    async takeOver() {
      const owners = await listMessageOwners(db, queue)
      await freeMessagesOf(
        db,
        queue,
        owners.filter((owner) => !identity.mayStillRun(owner)),
      )
    },
    async drain() {
      isDraining = true
      await Promise.all(attempts.keys())
    },
    async nextDueInMs(leftMs) {
      if (attempts.size > 0) return leftMs
      const dueMs = await nextMessageInMs(db, queue)
      return dueMs !== null && dueMs < leftMs ? Math.max(0, dueMs) : null
    },
  }
}

/** How many further messages may be sent at the moment, and which. */
type Room = { readonly limit: number; readonly where: SQL | undefined }

/** Returns the room for further messages. Even if all are for the receiver with the most attempts, it keeps to its share. */
function findRoom<Message>(receivers: readonly string[], atATime: number, share?: ReceiverShare<Message>): Room {
  const free = atATime - receivers.length
  if (share === undefined) return { limit: free, where: undefined }
  const counts = new Map<string, number>()
  for (const receiver of receivers) counts.set(receiver, (counts.get(receiver) ?? 0) + 1)
  const full = [...counts].filter(([, count]) => count >= share.atATime).map(([receiver]) => receiver)
  const most = Math.max(0, ...[...counts.values()].filter((count) => count < share.atATime))
  return {
    limit: Math.min(free, share.atATime - most),
    where: full.length === 0 ? undefined : share.isForOthers(full),
  }
}
