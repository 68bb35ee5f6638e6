import { chatTopicOf } from '../chat/topic.ts'
import { applyFacts } from './apply-facts.ts'
import type { LiveContext } from '../context.ts'
import type { Payments, TimeWindow } from './payments.ts'
import type { ListedPayment, StatedFacts } from './rules/read-facts.ts'
import { mergeFacts, NO_FACTS, refundedOf, type TipFacts } from '../rules/tip-status.ts'
import {
  claimReconciliation,
  finishReconciliation,
  listPaid,
  listTransactionsOf,
  type PaymentRef,
} from './store/reconciliations.ts'
import { deleteOldEvents } from './store/stripe-events.ts'
import type { Transaction } from '../store/transactions.ts'
import type { Tips } from './tips.ts'

const WINDOW_SEC = 30 * 86_400
/** The events of the last hour may still be on their way. */
const SETTLED_SEC = 3600
const PAGE = 500
/** Differences that a log line names. */
const MAX_EXAMPLES = 20

/**
 * How a tip differs from Stripe. `event_missing`: events did not arrive; they are applied. `amount`: amount or currency is
 * another one. `not_here`, `not_at_stripe`: only one side has the payment.
 */
export type TipDifference = {
  readonly kind: 'event_missing' | 'amount' | 'not_here' | 'not_at_stripe'
  readonly paymentIntent: string
}

/** What a comparison works with. */
export type ComparedTips = {
  readonly context: Pick<LiveContext, 'db' | 'transact' | 'wideNotifier'>
  readonly payments: Payments
}

/** What a comparison has found. */
export type TipComparison = { readonly checked: number; readonly differences: readonly TipDifference[] }

/** Compares the tips of the last 30 days with Stripe, once a night in one gateway, and logs what differs. */
export async function reconcileTips(tips: Tips): Promise<void> {
  const { db, log } = tips.context
  await deleteOldEvents(db)
  const day = await claimReconciliation(db)
  if (day === null) return
  const nowSec = Math.floor(Date.now() / 1000)
  const { checked, differences } = await compareWithStripe(tips, {
    fromSec: nowSec - WINDOW_SEC,
    toSec: nowSec - SETTLED_SEC,
  })
  await finishReconciliation(db, day, { checked, differences: differences.length })
  const examples = differences.slice(0, MAX_EXAMPLES)
  if (differences.length > 0)
    log.warn('tips differ from Stripe', { checked, differences: differences.length, examples })
  else log.info('tips are as Stripe has them', { checked })
}

/** Compares the tips of a window of time with Stripe's lists, and applies what events did not state. */
export async function compareWithStripe(tips: ComparedTips, window: TimeWindow): Promise<TipComparison> {
  const differences: TipDifference[] = []
  const seen = new Set<string>()
  let checked = 0
  for await (const page of tips.payments.listPayments(window)) {
    const payments = page.filter(({ transactionId }) => transactionId !== null)
    checked += payments.length
    for (const { paymentIntent } of payments) seen.add(paymentIntent)
    differences.push(...(await comparePayments(tips, payments)))
  }
  for (const list of [tips.payments.listRefunds(window), tips.payments.listDisputes(window)]) {
    for await (const page of list) {
      const found = await findTips(tips, page)
      for (const stated of page) differences.push(...(await applyMissing(tips, found(stated), stated)))
    }
  }
  return { checked, differences: [...differences, ...(await findUnlisted(tips, window, seen))] }
}

async function comparePayments(tips: ComparedTips, payments: readonly ListedPayment[]): Promise<TipDifference[]> {
  const found = await findTips(tips, payments)
  const differences: TipDifference[] = []
  for (const payment of payments) {
    const tip = found(payment)
    const { paymentIntent, amount, currency } = payment
    if (tip === undefined) differences.push({ kind: 'not_here', paymentIntent })
    else if (tip.amount !== amount || tip.currency !== currency) differences.push({ kind: 'amount', paymentIntent })
    else differences.push(...(await applyMissing(tips, tip, payment)))
  }
  return differences
}

/** Returns a function that finds the tip of a payment. */
async function findTips({ context }: ComparedTips, refs: readonly PaymentRef[]) {
  const rows = refs.length === 0 ? [] : await listTransactionsOf(context.db, refs)
  const byIntent = new Map(rows.map((tip) => [tip.paymentIntent, tip]))
  const byId = new Map(rows.map((tip) => [tip.transactionId, tip]))
  return ({ paymentIntent, transactionId }: PaymentRef): Transaction | undefined =>
    byIntent.get(paymentIntent) ?? byId.get(transactionId ?? '')
}

async function applyMissing(
  { context }: ComparedTips,
  tip: Transaction | undefined,
  stated: StatedFacts,
): Promise<TipDifference[]> {
  if (tip === undefined) return []
  const [known, facts] = [mergeFacts(tip.facts, NO_FACTS), mergeFacts(tip.facts, stated.facts)]
  if (areSame(known, facts)) return []
  const applied = await context.transact((tx) => applyFacts(tx, stated))
  if (applied !== null && applied.shownIn !== null) context.wideNotifier.notify(chatTopicOf(applied.shownIn))
  // A refund may be known by its charge.
  const isMissing =
    refundedOf(known) !== refundedOf(facts) || !areSame({ ...known, refunds: {} }, { ...facts, refunds: {} })
  return isMissing ? [{ kind: 'event_missing', paymentIntent: stated.paymentIntent }] : []
}

function areSame(one: TipFacts, other: TipFacts): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}

/** Returns the paid tips of a window of time that Stripe does not list. */
async function findUnlisted(
  { context }: ComparedTips,
  { fromSec, toSec }: TimeWindow,
  seen: ReadonlySet<string>,
): Promise<TipDifference[]> {
  const differences: TipDifference[] = []
  // Stripe's clock is another one.
  const window = { fromSec: fromSec + SETTLED_SEC, toSec }
  for (let after: string | null | undefined = null; after !== undefined;) {
    const rows: PaymentRef[] = await listPaid(context.db, { ...window, after, limit: PAGE })
    for (const { paymentIntent } of rows) {
      if (!seen.has(paymentIntent)) differences.push({ kind: 'not_at_stripe', paymentIntent })
    }
    after = rows.length < PAGE ? undefined : rows.at(-1)?.transactionId
  }
  return differences
}
