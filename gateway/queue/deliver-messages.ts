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

/** How the messages of a queue are sent. */
export type MessageDeliveryParts<Message> = {
  /** What is sent, in words: `mails`. */
  readonly name: string
  readonly queue: MessageQueue<Message>
  /** Attempts at a time. */
  readonly atATime: number
  /** Lease of a message, in seconds: longer than one attempt can take. */
  readonly leaseSec: number
  /** Makes one attempt: it deletes the message, or postpones it. */
  readonly attempt: (message: Message) => Promise<void>
}

/**
 * Creates the delivery of one gateway. A message is deleted after it was sent: where a gateway dies in between, another one
 * sends it again.
 */
export function createMessageDelivery<Message>(
  context: Context,
  { name, queue, atATime, leaseSec, attempt }: MessageDeliveryParts<Message>,
): MessageDelivery {
  const { db, identity, log } = context
  const attempts = new Set<Promise<void>>()
  let isDraining = false

  function start(message: Message): void {
    const running = attempt(message)
      .catch((error: unknown) => log.error('attempt to send a message broke off', { queue: name, error }))
      .finally(() => {
        attempts.delete(running)
        context.wake()
      })
    attempts.add(running)
  }

  async function sendDue(): Promise<number | null> {
    // An attempt that ends wakes the next run.
    if (isDraining || attempts.size >= atATime) return null
    const request = { owner: identity.id, limit: atATime - attempts.size, leaseSec }
    for (const message of await takeDueMessages(db, queue, request)) start(message)
    return nextMessageInMs(db, queue)
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
      await Promise.all(attempts)
    },
    async nextDueInMs(leftMs) {
      if (attempts.size > 0) return leftMs
      const dueMs = await nextMessageInMs(db, queue)
      return dueMs !== null && dueMs < leftMs ? Math.max(0, dueMs) : null
    },
  }
}
