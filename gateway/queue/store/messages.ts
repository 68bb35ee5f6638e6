import { and, asc, eq, gt, inArray, isNotNull, lte, sql, type SQL } from 'drizzle-orm'
import type { PgColumn, PgTable } from 'drizzle-orm/pg-core'

import { dueAt, type DueInMs } from '../../database/due-times.ts'
import type { Db } from '../../ports/database.ts'

/** The columns of a queue that all queues have. */
type QueueColumns = 'attempts' | 'dueAt' | 'takenBy' | 'expiresAt'

/** A table of messages that wait to be sent. A message is deleted once it is sent, or is of no use any more. */
export type MessageQueue<Message> = {
  readonly table: PgTable & { readonly [Name in QueueColumns]: PgColumn }
  readonly id: PgColumn
  /** What an attempt needs to know. */
  readonly columns: { readonly [Name in keyof Message]: PgColumn | SQL }
  /** The condition for messages that this gateway can send; left out: all. */
  readonly isKnown?: SQL | undefined
  /** Which of the due messages are first. */
  readonly order: readonly (SQL | PgColumn)[]
}

/** Returns the condition for messages that are of use, and that this gateway can send. */
const isSendable = ({ table, isKnown }: MessageQueue<unknown>) => and(gt(table.expiresAt, sql`now()`), isKnown)

/** A request for messages: at most `limit`, for `leaseSec` seconds, and only those for which a condition holds. */
export type MessageRequest = {
  readonly owner: string
  readonly limit: number
  readonly leaseSec: number
  readonly where?: SQL | undefined
}

/** Takes due messages; each counts as an attempt. */
export async function takeDueMessages<Message>(
  db: Db,
  queue: MessageQueue<Message>,
  { owner, limit, leaseSec, where }: MessageRequest,
): Promise<Message[]> {
  const { table, id, columns, order } = queue
  const due = db
    .select({ id })
    .from(table)
    .where(and(lte(table.dueAt, sql`now()`), isSendable(queue), where))
    .orderBy(...order.map((one) => asc(one)))
    .limit(limit)
    .for('update', { skipLocked: true })
  const taken = await db
    .update(table)
    .set({ attempts: sql`${table.attempts} + 1`, dueAt: inSeconds(leaseSec), takenBy: owner })
    // As an array: a plan that evaluates the subquery several times would take more rows than `limit`.
    .where(sql`${id} = any(array(${due}))`)
    .returning(columns)
  return taken as Message[]
}

/** Deletes a message that is done with. */
export async function deleteMessage(db: Db, { table, id }: MessageQueue<unknown>, messageId: string): Promise<void> {
  await db.delete(table).where(eq(id, messageId))
}

/** Makes a message due again in `inMs`. */
export async function postponeMessage(
  db: Db,
  { table, id }: MessageQueue<unknown>,
  messageId: string,
  inMs: number,
): Promise<void> {
  await db
    .update(table)
    .set({ dueAt: inSeconds(inMs / 1000), takenBy: null })
    .where(eq(id, messageId))
}

/** Returns when the next message of a queue is due. */
export function messageDueInMs(queue: MessageQueue<unknown>): DueInMs {
  const { table } = queue
  return dueAt(sql`(select min(${table.dueAt}) from ${table} where ${isSendable(queue)})`)
}

/** Returns in how many ms the next message for which a condition holds becomes due; `null` where none waits. */
export async function nextMessageInMs(db: Db, queue: MessageQueue<unknown>, where?: SQL): Promise<number | null> {
  const { table } = queue
  const [row] = await db
    .select({ ms: sql<number | null>`(extract(epoch from min(${table.dueAt}) - now()) * 1000)::float8` })
    .from(table)
    .where(and(isSendable(queue), where))
  return row?.ms ?? null
}

/** Returns the gateways that send messages of a queue. */
export async function listMessageOwners(db: Db, { table }: MessageQueue<unknown>): Promise<string[]> {
  const rows = await db
    .selectDistinct({ owner: sql<string>`${table.takenBy}` })
    .from(table)
    .where(isNotNull(table.takenBy))
  return rows.map(({ owner }) => owner)
}

/** Makes the messages of gateways that are known to be dead due at once, so that their leases need not expire. */
export async function freeMessagesOf(
  db: Db,
  { table }: MessageQueue<unknown>,
  owners: readonly string[],
): Promise<void> {
  if (owners.length === 0) return
  await db
    .update(table)
    .set({ dueAt: sql`now()`, takenBy: null })
    .where(inArray(table.takenBy, [...owners]))
}

/** Deletes the messages that have expired; returns how many these are. */
export async function deleteExpiredMessages(db: Db, { table, id }: MessageQueue<unknown>): Promise<number> {
  const deleted = await db
    .delete(table)
    .where(lte(table.expiresAt, sql`now()`))
    .returning({ id })
  return deleted.length
}

function inSeconds(seconds: number): SQL {
  return sql`now() + make_interval(secs => ${seconds})`
}
