import * as fc from 'fast-check'
import { expect, test } from 'vitest'

import { feeOf, movementsBetween, type LedgerAccount } from './tip-ledger.ts'
import { amountStepOf, formatMoney, parseMoney, writeAmount } from './money.ts'
import { mergeFacts, NO_FACTS, statusOf, type TipFacts, type TipStatus } from './tip-status.ts'

const AMOUNT = 1000
const FEE = 55
const fact = (more: Partial<TipFacts>): TipFacts => ({ ...NO_FACTS, ...more })
const succeeded = fact({ hasSucceeded: true })
const failed = fact({ hasFailed: true })
const canceled = fact({ isCanceled: true })
const refunded = fact({ refunded: AMOUNT })
const refund = (id: string, amount: number, hasFailed = false, more: { isTransferReversed?: boolean } = {}) =>
  fact({ refunds: { [id]: { amount, hasFailed, ...more } } })
const opened = fact({ disputes: { d: { state: 'open', amount: AMOUNT } } })
const won = fact({ disputes: { d: { state: 'won', amount: AMOUNT } } })
const lost = fact({ disputes: { d: { state: 'lost', amount: AMOUNT } } })

const statusAfter = (facts: readonly TipFacts[]) => statusOf(facts.reduce(mergeFacts, NO_FACTS), AMOUNT)

test.each<[TipStatus, readonly TipFacts[]]>([
  ['pending', []],
  ['failed', [failed]],
  ['canceled', [failed, canceled]],
  ['succeeded', [failed, succeeded]],
  ['succeeded', [succeeded, canceled]],
  ['succeeded', [succeeded, failed]],
  ['succeeded', [succeeded, fact({ refunded: 400 })]],
  ['refunded', [refunded]],
  ['refunded', [refunded, succeeded]],
  ['refunded', [succeeded, fact({ refunded: 400 }), refunded]],
  ['refunded', [refund('a', 400), refund('b', 600)]],
  ['succeeded', [succeeded, refunded, refund('a', AMOUNT, true)]],
  ['succeeded', [refund('a', AMOUNT), refund('a', AMOUNT, true)]],
  ['refunded', [refunded, refund('a', AMOUNT, true), refund('b', AMOUNT)]],
  ['succeeded', [refunded, refund('a', 400), refund('b', 600, true)]],
  ['disputed', [opened, succeeded]],
  ['succeeded', [succeeded, won, opened]],
  ['charged_back', [lost, opened, succeeded]],
])('a tip is %s after these facts in any order', (status, facts) => {
  expect(statusAfter(facts)).toBe(status)
  expect(statusAfter(facts.toReversed())).toBe(status)
})

const anyFact = fc.oneof(
  fc.constantFrom(succeeded, failed, canceled),
  fc.integer({ min: 1, max: AMOUNT }).map((amount) => fact({ refunded: amount })),
  fc
    .record({
      id: fc.constantFrom('r', 's'),
      amount: fc.integer({ min: 1, max: AMOUNT / 2 }),
      hasFailed: fc.boolean(),
      more: fc.constantFrom({}, { isTransferReversed: true }, { isTransferReversed: false }),
    })
    .map(({ id, amount, hasFailed, more }) => refund(id, amount, hasFailed, more)),
  fc
    .record({
      id: fc.constantFrom('d', 'e'),
      state: fc.constantFrom('open' as const, 'won' as const, 'lost' as const),
      amount: fc.integer({ min: 1, max: AMOUNT }),
    })
    .map(({ id, state, amount }) => fact({ disputes: { [id]: { state, amount } } })),
)

/** Applies facts one by one, as events do; returns what every account has. */
function runLedger(facts: readonly TipFacts[], destination: string | null = null) {
  const balances: Record<LedgerAccount, number> = { sender: 0, receiver: 0, platform: 0, disputes: 0 }
  let known = NO_FACTS
  for (const next of facts) {
    const merged = mergeFacts(known, next)
    for (const { from, to, amount } of movementsBetween(known, merged, { amount: AMOUNT, fee: FEE, destination })) {
      balances[from] -= amount
      balances[to] += amount
    }
    known = merged
  }
  return { balances, known, status: statusOf(known, AMOUNT) }
}

test('facts repeated and shuffled lead to the same status and the same balances, which sum to zero', () => {
  const orders = fc.array(anyFact, { minLength: 1, maxLength: 6 }).chain((facts) => {
    const repeated = [...facts, ...facts, ...facts]
    return fc.tuple(
      fc.constant(facts),
      fc.constantFrom(null, 'acct_1'),
      fc.shuffledSubarray(repeated, { minLength: repeated.length, maxLength: repeated.length }),
    )
  })
  fc.assert(
    fc.property(orders, ([facts, destination, shuffled]) => {
      const [inOrder, other] = [runLedger(facts, destination), runLedger(shuffled, destination)]
      expect(other).toEqual(inOrder)
      expect(Object.values(other.balances).reduce((sum, one) => sum + one, 0)).toBe(0)
    }),
  )
})

const transferred = { sender: -AMOUNT, receiver: AMOUNT - FEE, platform: FEE, disputes: 0 }
test.each<[string, readonly TipFacts[], Partial<Record<LedgerAccount, number>>]>([
  ['a dispute', [opened], { platform: FEE - AMOUNT, disputes: AMOUNT }],
  ['a dispute that is won', [opened, won], {}],
  ['a dispute that is lost', [opened, lost], { platform: FEE - AMOUNT, sender: 0 }],
  ['a refund with its transfer', [refund('a', AMOUNT, false, { isTransferReversed: true })], noneLeft()],
  [
    'a refund without its transfer',
    [refunded, refund('a', AMOUNT, false, { isTransferReversed: false })],
    { platform: FEE - AMOUNT, sender: 0 },
  ],
  ['a refund that is known by its charge only', [refunded], noneLeft()],
])('of a tip that was transferred, the platform bears what Stripe debits from it: %s', (_, facts, change) => {
  for (const order of [[succeeded, ...facts], [...facts, succeeded].toReversed(), [...facts, ...facts, succeeded]]) {
    expect(runLedger(order, 'acct_1').balances).toEqual({ ...transferred, ...change })
  }
})

function noneLeft() {
  return { sender: 0, receiver: 0, platform: 0 }
}

test('a full refund returns the fee too, and leaves nothing on any account', () => {
  expect(runLedger([succeeded, fact({ refunded: 400 }), refunded]).balances).toEqual({
    sender: 0,
    receiver: 0,
    platform: 0,
    disputes: 0,
  })
})

test('a refund that failed leaves the books as if there had been none; facts without refunds are older ones', () => {
  const { balances } = runLedger([succeeded, fact({ refunded: 400 }), refund('a', 400), refund('a', 400, true)])
  expect(balances).toEqual(runLedger([succeeded]).balances)
  const { refunds: _, ...older } = refunded
  expect(statusAfter([older, succeeded])).toBe('refunded')
})

test.each([
  [1050, 'eur', '10.50 EUR'],
  [500, 'jpy', '500 JPY'],
  [1234, 'kwd', '1.234 KWD'],
])('%i minor units of %s are read as %s', (amount, currency, text) => {
  expect(formatMoney(amount, currency)).toBe(text)
})

test.each([
  ['5', 'eur', 500],
  ['５，５０', 'eur', 550],
  [' １２．５ ', 'eur', 1250],
  ['５００', 'jpy', 500],
  ['5.5', 'jpy', null],
  ['五', 'jpy', null],
])('%s is read as an amount of %s', (text, currency, amount) => {
  expect(parseMoney(text, currency)).toBe(amount)
})

test.each([
  [500, 'eur', '5'],
  [500, 'jpy', '500'],
  [500, 'kwd', '0.5'],
])('%i minor units of %s are typed as %s', (amount, currency, text) => {
  expect(writeAmount(amount, currency)).toBe(text)
  expect(parseMoney(text, currency)).toBe(amount)
})

test.each([
  ['eur', 1],
  ['jpy', 1],
  ['kwd', 10],
  ['tnd', 10],
  ['isk', 100],
  ['ugx', 100],
])('amounts in %s are multiples of %i', (currency, step) => {
  expect(amountStepOf(currency)).toBe(step)
})

test.each([
  [1000, 5.5, 55],
  [199, 10, 19],
  [100, 0, 0],
  [1_000_000, 2.9, 29_000],
])('the fee of %i at %d %% is %i', (amount, percent, fee) => {
  expect(feeOf(amount, percent)).toBe(fee)
})
