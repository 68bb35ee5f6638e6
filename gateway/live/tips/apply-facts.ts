import type { Tx } from '../../ports/database.ts'
import { postTip } from '../chat/post-tip.ts'
import { movementsBetween } from '../rules/tip-ledger.ts'
import type { StatedFacts } from './rules/read-facts.ts'
import { mergeFacts, statusOf } from '../rules/tip-status.ts'
import { writeMovements } from './store/ledger.ts'
import { lockTransaction, recordFacts, type Transaction } from '../store/transactions.ts'

/** A tip that facts were applied to, and whose chat has a new line: its broadcast. */
export type AppliedFacts = { readonly shownIn: string | null }

/**
 * Applies what Stripe states to the tip that it is about: status, ledger, and its line in the chat. What is known changes
 * nothing. Returns `null` where there is no such tip.
 */
export async function applyFacts(tx: Tx, stated: StatedFacts): Promise<AppliedFacts | null> {
  const { paymentIntent, transactionId } = stated
  const tip = await lockTransaction(tx, paymentIntent, transactionId)
  if (tip === null) return null
  const facts = mergeFacts(tip.facts, stated.facts)
  await writeMovements(tx, tip, movementsBetween(tip.facts, facts, tip))
  const isNew = facts.hasSucceeded && tip.shownAt === null
  const shownIn = isNew ? await showTip(tx, tip) : null
  await recordFacts(tx, tip.transactionId, {
    paymentIntent,
    facts,
    status: statusOf(facts, tip.amount),
    isShown: facts.hasSucceeded,
  })
  return { shownIn }
}

async function showTip(tx: Tx, tip: Transaction): Promise<string | null> {
  const { streamId, senderId: userId, message: text, amount, currency } = tip
  if (streamId === null || userId === null) return null
  await postTip(tx, { streamId, userId, text, amount, currency })
  return streamId
}
