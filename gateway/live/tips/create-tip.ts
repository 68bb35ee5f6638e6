import { newUuid } from '../../../shared/ids.ts'
import { BrokenRule, invalidField, KERNEL_ERRORS } from '../../errors.ts'
import type { IdempotentCall } from '../../http/idempotency.ts'
import type { Tx } from '../../ports/database.ts'
import { lockSignedIn } from '../accounts/lock-signed-in.ts'
import type { SignedIn } from '../accounts/session.ts'
import { findWatchableStream } from '../broadcasts/find-own-stream.ts'
import { requireTipText } from '../chat/post-tip.ts'
import { LIVE_ERRORS } from '../errors.ts'
import { countFailures } from './count-failures.ts'
import { findOwnTransaction } from './find-own-transaction.ts'
import { presentTransaction } from '../present-transaction.ts'
import type { OpenedTransaction } from './present.ts'
import type { TipBody } from './requests.ts'
import { feeOf } from '../rules/tip-ledger.ts'
import { NO_FACTS } from '../rules/tip-status.ts'
import {
  attachIntent,
  countUnpaid,
  findPayoutAccount,
  findTransactionOfKey,
  insertTransaction,
  type NewTransaction,
  type Transaction,
} from '../store/transactions.ts'
import type { Tips } from './tips.ts'

/** Tips of one user that are not paid, in a window of time: stolen cards are tried by many small payments. */
const MAX_UNPAID = 30
const UNPAID_WINDOW_SEC = 3600

/**
 * Opens a tip. Its row is written before Stripe is called, which is then called under the id of the row: a call that is
 * repeated with the same Idempotency-Key continues where the first one broke off, and never makes a second payment.
 * @throws BrokenRule STREAM_NOT_FOUND, INVALID_CONFIG, CHAT_BANNED, FOLLOWERS_ONLY, WORD_BLOCKED, TIPS_LIMITED,
 * IDEMPOTENCY_KEY_REUSED, PAYMENT_REFUSED, PAYMENTS_UNAVAILABLE
 */
export async function createTip(
  { context, payments }: Tips,
  sender: SignedIn,
  body: TipBody,
  call: IdempotentCall,
): Promise<OpenedTransaction> {
  const tip = await context.transact((tx) => openTip(tx, { context, sender, body, call }))
  const payment =
    tip.paymentIntent === null
      ? await countFailures(context.db, tip, () => payments.create(tip))
      : await payments.read(tip.paymentIntent)
  if (tip.paymentIntent === null) await attachIntent(context.db, tip.transactionId, payment.paymentIntent)
  const found = await findOwnTransaction(context.db, sender, tip.transactionId)
  return {
    ...presentTransaction(found, sender.user.userId),
    payment_intent: payment.paymentIntent,
    client_secret: payment.clientSecret,
  }
}

type TipRequest = {
  readonly context: Tips['context']
  readonly sender: SignedIn
  readonly body: TipBody
  readonly call: IdempotentCall
}

/** Returns the tip of this key, which is written where there is none. Calls of one user wait for each other. */
async function openTip(tx: Tx, request: TipRequest): Promise<Transaction> {
  const { sender, call } = request
  const { userId } = sender.user
  await lockSignedIn(tx, sender)
  const known = await findTransactionOfKey(tx, userId, call.key)
  if (known !== null) return requireSameRequest(known, call)
  await insertTransaction(tx, await composeRow(tx, request))
  const opened = await findTransactionOfKey(tx, userId, call.key)
  if (opened === null) throw new Error('the tip was not inserted')
  return opened
}

function requireSameRequest(known: Transaction, { requestHash }: IdempotentCall): Transaction {
  if (known.requestHash === requestHash) return known
  throw new BrokenRule(KERNEL_ERRORS.IDEMPOTENCY_KEY_REUSED, 'this Idempotency-Key came with another body before')
}

async function composeRow(tx: Tx, { context, sender, body, call }: TipRequest): Promise<NewTransaction> {
  const { userId: senderId } = sender.user
  const { stream } = await findWatchableStream(tx, sender, body.stream_id)
  const { streamId, userId: receiverId } = stream
  if (receiverId === senderId) throw invalidField('stream_id', 'must be the broadcast of another user')
  if ((await countUnpaid(tx, senderId, UNPAID_WINDOW_SEC)) >= MAX_UNPAID) throw tooManyUnpaid()
  if (body.message !== '') await requireTipText(tx, { streamId, userId: senderId, text: body.message })
  const { amount, currency, message } = body
  return {
    transactionId: newUuid(),
    streamId,
    senderId,
    receiverId,
    amount,
    currency,
    fee: feeOf(amount, context.settings.live.tips.feePercent),
    destination: await findPayoutAccount(tx, receiverId),
    message,
    facts: NO_FACTS,
    idempotencyKey: call.key,
    requestHash: call.requestHash,
  }
}

function tooManyUnpaid(): BrokenRule {
  const message = `${MAX_UNPAID} tips of the last hour are not paid, which is the limit; complete them, or try again later`
  return new BrokenRule(LIVE_ERRORS.TIPS_LIMITED, message, { retryAfterSec: UNPAID_WINDOW_SEC })
}
