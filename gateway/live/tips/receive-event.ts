import * as v from 'valibot'

import { BrokenRule } from '../../errors.ts'
import { chatTopicOf } from '../chat/topic.ts'
import { LIVE_ERRORS } from '../errors.ts'
import { applyFacts } from './apply-facts.ts'
import type { StripeEvent } from './payments.ts'
import { readEventFacts, type StatedFacts } from './rules/read-facts.ts'
import { recordEvent } from './store/stripe-events.ts'
import type { Tips } from './tips.ts'

/**
 * Applies an event of Stripe, once, in the transaction that records it. Events of other kinds and of other payments are
 * accepted and change nothing.
 * @throws BrokenRule WEBHOOK_INVALID where it is not signed, too old, or cannot be read
 */
export async function receiveEvent({ context, payments }: Tips, body: string, signature: string): Promise<void> {
  const event = await payments.readEvent(body, signature)
  const stated = readStated(event)
  if (stated === null) return
  const applied = await context.transact(async (tx) =>
    (await recordEvent(tx, event.id, event.type)) ? applyFacts(tx, stated) : null,
  )
  if (applied !== null && applied.shownIn !== null) context.wideNotifier.notify(chatTopicOf(applied.shownIn))
}

function readStated({ type, object }: StripeEvent): StatedFacts | null {
  try {
    return readEventFacts(type, object)
  } catch (error) {
    if (!v.isValiError(error)) throw error
    throw new BrokenRule(LIVE_ERRORS.WEBHOOK_INVALID, `the object of ${type} cannot be read: ${error.message}`)
  }
}
