import { BrokenRule, KERNEL_ERRORS } from '../../errors.ts'
import type { SignedIn } from '../accounts/session.ts'
import { LIVE_ERRORS } from '../errors.ts'
import { countFailures } from './count-failures.ts'
import { findOwnTransaction } from './find-own-transaction.ts'
import { countFailedRefunds } from '../rules/tip-status.ts'
import { presentTransaction, type TransactionView } from '../present-transaction.ts'
import type { Tips } from './tips.ts'

/**
 * Orders the refund of a tip, by its receiver. The tip changes with Stripe's event only; ordered again, it is one refund,
 * unless that has failed.
 * @throws BrokenRule TRANSACTION_NOT_FOUND, FORBIDDEN, TIP_NOT_REFUNDABLE, PAYMENT_REFUSED, PAYMENTS_UNAVAILABLE
 */
export async function refundTip({ context, payments }: Tips, receiver: SignedIn, id: string): Promise<TransactionView> {
  const { userId } = receiver.user
  const found = await findOwnTransaction(context.db, receiver, id)
  const { transaction } = found
  if (transaction.receiverId !== userId) {
    throw new BrokenRule(KERNEL_ERRORS.FORBIDDEN, 'only the receiver of a tip may refund it')
  }
  if (transaction.status !== 'refunded') {
    const { status, paymentIntent, facts } = transaction
    if (status !== 'succeeded' || paymentIntent === null) throw notRefundable(status)
    const payment = { paymentIntent, failed: countFailedRefunds(facts) }
    await countFailures(context.db, transaction, () => payments.refund(transaction, payment))
  }
  return presentTransaction(found, userId)
}

function notRefundable(status: string): BrokenRule {
  return new BrokenRule(
    LIVE_ERRORS.TIP_NOT_REFUNDABLE,
    `this tip is ${status}; only one that succeeded can be refunded`,
  )
}
