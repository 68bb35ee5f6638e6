/** The tables of tips, a part of `schema.ts`. They are books: rows outlive the users and broadcasts that they are about. */

import { sql } from 'drizzle-orm'
import {
  bigint,
  check,
  date,
  foreignKey,
  index,
  integer,
  json,
  pgTable,
  primaryKey,
  smallint,
  text,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core'

import { createdAt, moment, users } from './account-schema.ts'
import { streams } from './stream-schema.ts'
import type { LedgerAccount, MovementKind } from './rules/tip-ledger.ts'
import type { TipFacts, TipStatus } from './rules/tip-status.ts'

/** Tips. Amounts are in minor units of their currency. */
export const transactions = pgTable(
  'transactions',
  {
    transactionId: uuid('transaction_id').primaryKey(),
    streamId: uuid('stream_id').references(() => streams.streamId, { onDelete: 'set null' }),
    senderId: uuid('sender_id').references(() => users.userId, { onDelete: 'set null' }),
    receiverId: uuid('receiver_id').references(() => users.userId, { onDelete: 'set null' }),
    amount: integer('amount').notNull(),
    /** The code of ISO 4217 in lower case, as Stripe writes it. */
    currency: text('currency').notNull(),
    /** What the platform keeps of the amount. */
    fee: integer('fee').notNull(),
    /** The connected account that the amount is transferred to; `null`: the platform owes it to the receiver. */
    destination: text('destination'),
    message: text('message').notNull(),
    status: text('status').$type<TipStatus>().notNull().default('pending'),
    /** What Stripe has stated; the status and the ledger follow from it. */
    facts: json('facts').$type<TipFacts>().notNull(),
    /** `null` until Stripe has answered. */
    paymentIntent: text('payment_intent'),
    idempotencyKey: text('idempotency_key').notNull(),
    requestHash: text('request_hash').notNull(),
    /** Calls that Stripe answered with a failure. The next call has another key, under which no failure is stored. */
    failedCalls: integer('failed_calls').notNull().default(0),
    /** When its line was written to the chat. */
    shownAt: moment('shown_at'),
    createdAt: createdAt(),
    updatedAt: moment('updated_at').notNull().defaultNow(),
  },
  (table) => [
    uniqueIndex('transactions_intent_key').on(table.paymentIntent),
    uniqueIndex('transactions_idempotency_key').on(table.senderId, table.idempotencyKey),
    index('transactions_by_sender').on(table.senderId, table.transactionId),
    index('transactions_by_receiver').on(table.receiverId, table.transactionId),
    index('transactions_by_stream').on(table.streamId),
    index('transactions_by_age').on(table.createdAt),
    check('transactions_amounts', sql`${table.amount} > 0 and ${table.fee} between 0 and ${table.amount}`),
  ],
)

/**
 * The double-entry ledger: a movement is two rows, +amount to one account and −amount from another. The foreign key binds
 * each row to its counterpart, so that neither is written, changed or deleted alone.
 */
export const ledgerEntries = pgTable(
  'ledger_entries',
  {
    movementId: uuid('movement_id').notNull(),
    /** 1: the account that gets the amount; −1: the one that it comes from. */
    side: smallint('side').notNull(),
    transactionId: uuid('transaction_id')
      .notNull()
      .references(() => transactions.transactionId),
    kind: text('kind').$type<MovementKind>().notNull(),
    account: text('account').$type<LedgerAccount>().notNull(),
    amount: bigint('amount', { mode: 'number' }).notNull(),
    currency: text('currency').notNull(),
    counterSide: smallint('counter_side')
      .notNull()
      .generatedAlwaysAs(sql`-side`),
    counterAmount: bigint('counter_amount', { mode: 'number' })
      .notNull()
      .generatedAlwaysAs(sql`-amount`),
    createdAt: createdAt(),
  },
  (table) => [
    primaryKey({ columns: [table.movementId, table.side, table.amount, table.currency] }),
    uniqueIndex('ledger_entries_side_key').on(table.movementId, table.side),
    index('ledger_entries_by_transaction').on(table.transactionId),
    check('ledger_entries_side', sql`${table.side} = sign(${table.amount})`),
    foreignKey({
      name: 'ledger_entries_counterpart',
      columns: [table.movementId, table.counterSide, table.counterAmount, table.currency],
      foreignColumns: [table.movementId, table.side, table.amount, table.currency],
    }),
  ],
)

/** Events of Stripe that were applied. */
export const stripeEvents = pgTable(
  'stripe_events',
  {
    eventId: text('event_id').primaryKey(),
    type: text('type').notNull(),
    createdAt: createdAt(),
  },
  (table) => [index('stripe_events_by_age').on(table.createdAt)],
)

/** The connected account of Stripe that a user gets tips at. */
export const payoutAccounts = pgTable('payout_accounts', {
  userId: uuid('user_id')
    .primaryKey()
    .references(() => users.userId, { onDelete: 'cascade' }),
  accountId: text('account_id').notNull(),
  updatedAt: moment('updated_at').notNull().defaultNow(),
})

/** The nightly comparison with Stripe, one row per day (UTC). */
export const tipReconciliations = pgTable('tip_reconciliations', {
  day: date('day').primaryKey(),
  startedAt: moment('started_at').notNull().defaultNow(),
  /** `null` while it runs, and where it broke off. */
  finishedAt: moment('finished_at'),
  checked: integer('checked').notNull().default(0),
  differences: integer('differences').notNull().default(0),
})
