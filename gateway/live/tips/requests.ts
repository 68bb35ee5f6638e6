import * as v from 'valibot'

import { objectProblem } from '../../http/json-body.ts'
import { Cursor, Limit } from '../../http/paging.ts'
import { intIn } from '../../http/request-fields.ts'
import { amountStepOf } from '../rules/money.ts'
import { ChatText } from '../chat/requests.ts'

/** Least and most of a tip, in minor units. */
export const MIN_AMOUNT = 100
export const MAX_AMOUNT = 1_000_000

const MESSAGE_FORM = 'must have up to 500 characters, without control characters or line breaks'

/** The text of a tip, by the rules of messages; it may be left out. */
const TipMessage = v.pipe(
  v.string('must be a string'),
  v.trim(),
  v.check((text) => text === '' || v.is(ChatText, text), MESSAGE_FORM),
)

/** Returns the schema of the body of `POST /transactions`. */
export function tipBody(currencies: readonly string[]) {
  const fields = v.strictObject(
    {
      stream_id: v.pipe(v.string('must be the id of a broadcast'), v.maxLength(100, 'must be the id of a broadcast')),
      amount: intIn(MIN_AMOUNT, MAX_AMOUNT, ' in minor units: 500 is 5.00 EUR'),
      currency: v.pipe(
        v.string('must be a string'),
        v.toLowerCase(),
        v.picklist(currencies, `must be one of: ${currencies.join(', ')}`),
      ),
      message: v.optional(TipMessage, ''),
    },
    objectProblem,
  )
  return v.pipe(
    fields,
    v.forward(
      v.check(({ amount, currency }) => amount % amountStepOf(currency) === 0, stepProblem),
      ['amount'],
    ),
  )
}

function stepProblem({ input: { currency } }: { readonly input: { readonly currency: string } }): string {
  const step = amountStepOf(currency)
  return `must be a multiple of ${step} in ${currency.toUpperCase()}: Stripe takes no smaller step`
}

export type TipBody = v.InferOutput<ReturnType<typeof tipBody>>

/** Query of `GET /transactions`. */
export const TransactionListQuery = v.strictObject({ cursor: Cursor, limit: Limit }, objectProblem)
export type TransactionListQuery = v.InferOutput<typeof TransactionListQuery>

/** Body of `PUT /users/{id}/payout-account`. */
export const PayoutAccountBody = v.strictObject(
  {
    account_id: v.nullable(
      v.pipe(v.string('must be a string'), v.regex(/^acct_\w{1,100}$/, 'must be an account of Stripe: acct_…')),
    ),
  },
  objectProblem,
)
export type PayoutAccountBody = v.InferOutput<typeof PayoutAccountBody>
