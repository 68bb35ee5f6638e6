import { Hono, type MiddlewareHandler } from 'hono'

import { BrokenRule, invalidField, KERNEL_ERRORS } from '../../errors.ts'
import { readBody } from '../../http/body-limit.ts'
import { readIdempotentCall, type IdempotentCall } from '../../http/idempotency.ts'
import { parse, requireJson } from '../../http/json-body.ts'
import { answers, describe } from '../../http/openapi.ts'
import { requireUserId } from '../accounts/path-user.ts'
import { requireRole, requireSession } from '../accounts/session.ts'
import type { LiveContext } from '../context.ts'
import { LIVE_ERRORS } from '../errors.ts'
import { createTip } from './create-tip.ts'
import { findOwnTransaction } from './find-own-transaction.ts'
import { listTransactions } from './list-transactions.ts'
import type { Payments } from './payments.ts'
import { presentTransaction, TransactionView } from '../present-transaction.ts'
import { EventReceived, OpenedTransaction, PayoutAccount, TransactionList } from './present.ts'
import { receiveEvent } from './receive-event.ts'
import { refundTip } from './refund-tip.ts'
import { PayoutAccountBody, tipBody, TransactionListQuery } from './requests.ts'
import { setPayoutAccount } from './set-payout-account.ts'
import type { Tips } from './tips.ts'

const TAG = 'Tips'
const PAYMENT_ERRORS = [LIVE_ERRORS.TIPS_DISABLED, LIVE_ERRORS.PAYMENT_REFUSED, LIVE_ERRORS.PAYMENTS_UNAVAILABLE]

const DOCS = {
  create: describe(
    TAG,
    'Tip the owner of a broadcast',
    {
      ...answers(201, OpenedTransaction, "The tip, and the secret by which Stripe's script completes its payment."),
      errors: [
        KERNEL_ERRORS.INVALID_CONFIG,
        KERNEL_ERRORS.IDEMPOTENCY_KEY_REUSED,
        LIVE_ERRORS.STREAM_NOT_FOUND,
        LIVE_ERRORS.CHAT_BANNED,
        LIVE_ERRORS.FOLLOWERS_ONLY,
        LIVE_ERRORS.WORD_BLOCKED,
        LIVE_ERRORS.TIPS_LIMITED,
        ...PAYMENT_ERRORS,
      ],
      isIdempotent: true,
    },
    'session',
  ),
  list: describe(
    TAG,
    'The tips that the user has sent or gets, newest first',
    { ...answers(200, TransactionList, 'A page of them.'), errors: [KERNEL_ERRORS.INVALID_CONFIG] },
    'session',
  ),
  get: describe(
    TAG,
    'A tip that the user has sent or gets',
    { ...answers(200, TransactionView, 'The tip.'), errors: [LIVE_ERRORS.TRANSACTION_NOT_FOUND] },
    'session',
  ),
  refund: describe(
    TAG,
    'Refund a tip (its receiver)',
    {
      ...answers(202, TransactionView, 'Stripe refunds it; it is `refunded` once Stripe has said so.'),
      errors: [LIVE_ERRORS.TRANSACTION_NOT_FOUND, LIVE_ERRORS.TIP_NOT_REFUNDABLE, ...PAYMENT_ERRORS],
    },
    'session',
  ),
  payoutAccount: describe(
    TAG,
    'Set the connected account of a user at Stripe (admins)',
    {
      ...answers(200, PayoutAccount, 'Tips to the user are transferred to it from now on.'),
      errors: [KERNEL_ERRORS.INVALID_CONFIG, LIVE_ERRORS.USER_NOT_FOUND],
    },
    'session',
  ),
  event: describe(
    TAG,
    'Receive an event of Stripe',
    {
      ...answers(200, EventReceived, 'It is applied, or is of no interest.'),
      errors: [LIVE_ERRORS.WEBHOOK_INVALID, LIVE_ERRORS.TIPS_DISABLED],
    },
    'none',
  ),
} as const

/** The first segments of the paths of tips below `/api/v1`. */
export const TIP_PATHS = ['transactions'] as const

/** Returns the API of tips; without `payments` there are none. */
export function tipRoutes(context: LiveContext, payments: Payments | null): Hono {
  const { db, settings } = context
  const body = parse('json', tipBody(settings.live.tips.currencies))
  const requireTips: MiddlewareHandler = async (_c, next) => {
    tipsOf(context, payments)
    await next()
  }
  return new Hono()
    .post('/transactions', DOCS.create, requireTips, requireJson, body, async (c) => {
      const sender = await requireSession(context, c)
      const call = requireKey(await readIdempotentCall(c, `POST /api/v1/transactions ${sender.user.userId}`))
      return c.json(await createTip(tipsOf(context, payments), sender, c.req.valid('json'), call), 201)
    })
    .get('/transactions', DOCS.list, parse('query', TransactionListQuery), async (c) =>
      c.json(await listTransactions(context, await requireSession(context, c), c.req.valid('query'))),
    )
    .get('/transactions/:id', DOCS.get, async (c) => {
      const viewer = await requireSession(context, c)
      return c.json(presentTransaction(await findOwnTransaction(db, viewer, c.req.param('id')), viewer.user.userId))
    })
    .post('/transactions/:id/refund', DOCS.refund, requireTips, async (c) =>
      c.json(await refundTip(tipsOf(context, payments), await requireSession(context, c), c.req.param('id')), 202),
    )
    .put('/users/:id/payout-account', DOCS.payoutAccount, requireJson, parse('json', PayoutAccountBody), async (c) => {
      const actor = await requireRole(context, c, 'admin')
      return c.json(await setPayoutAccount(context, actor, requireUserId(c.req.param('id')), c.req.valid('json')))
    })
}

/** Returns the route of Stripe's events. It needs no session: each event is signed. */
export function stripeRoutes(context: LiveContext, payments: Payments | null): Hono {
  return new Hono().post('/api/v1/stripe/webhook', DOCS.event, async (c) => {
    const tips = tipsOf(context, payments)
    await receiveEvent(tips, await readBody(c), c.req.header('stripe-signature') ?? '')
    return c.json({ received: true })
  })
}

/** Returns what calls work with. @throws BrokenRule TIPS_DISABLED where there are no tips */
function tipsOf(context: LiveContext, payments: Payments | null): Tips {
  if (payments !== null) return { context, payments }
  throw new BrokenRule(
    LIVE_ERRORS.TIPS_DISABLED,
    'there are no tips here: the operator turns them on by STRIPE_SECRET_KEY',
  )
}

/** Returns a call that can be repeated. @throws BrokenRule INVALID_CONFIG where it carries no Idempotency-Key */
function requireKey(call: IdempotentCall | null): IdempotentCall {
  if (call !== null) return call
  throw invalidField('Idempotency-Key', 'is required: a repeated call with it pays once')
}
