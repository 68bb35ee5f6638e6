import { and, eq, gt, inArray, isNotNull, isNull, lt, lte, or, sql } from 'drizzle-orm'

import { dueWhile, type DueInMs } from '../../database/due-times.ts'
import type { DbOrTx, Tx } from '../../ports/database.ts'
import { streams, unneededMonitors } from '../schema.ts'
import type { Stream } from './streams.ts'

// The literals keep the plan of a prepared statement on the indexes: most broadcasts have ended.
const isUnwatched = and(sql`${streams.state} = 'live'`, gt(streams.nextSeq, 0), isNull(streams.monitorId))
const isWatchedEnded = and(sql`${streams.state} = 'ended'`, isNotNull(streams.monitorId))

/** Broadcasts and monitors of one step. */
const BATCH = 10

/** Broadcasts on the air have no monitor, some that have ended still have one, or monitors are to be stopped. */
export const MONITORS_DIFFER: DueInMs = dueWhile(sql`(
  exists (select from ${streams} where ${isUnwatched}) or exists (select from ${streams} where ${isWatchedEnded})
  or exists (select from ${unneededMonitors} where due_at <= now()))`)

/** Returns broadcasts that have segments and no monitor; those that were tried within `retrySec` are left out. */
export function listUnwatched(db: DbOrTx, retrySec: number): Promise<Stream[]> {
  const isDue = or(
    isNull(streams.watchTriedAt),
    lt(streams.watchTriedAt, sql`now() - make_interval(secs => ${retrySec})`),
  )
  return db.select().from(streams).where(and(isUnwatched, isDue)).limit(BATCH)
}

/** Records that a broadcast could not be watched: it is tried again later. */
export async function recordUnwatched(db: DbOrTx, streamId: string): Promise<void> {
  await db
    .update(streams)
    .set({ watchTriedAt: sql`now()` })
    .where(eq(streams.streamId, streamId))
}

/**
 * Stores the monitor of a broadcast. Where the broadcast has gone or changed its address meanwhile, the monitor is to be
 * stopped; so is one that is not new and watches for no broadcast, which is then tried again later.
 */
export async function recordMonitor(
  tx: Tx,
  { streamId, visibility }: Stream,
  { monitorId, isNew }: { readonly monitorId: string; readonly isNew: boolean },
): Promise<void> {
  const isUnchanged = and(eq(streams.visibility, visibility), isNull(streams.monitorId))
  await tx
    .update(streams)
    .set({ monitorId: isNew ? monitorId : null, watchTriedAt: sql`now()`, ...UNWATCHED })
    .where(and(eq(streams.streamId, streamId), isUnchanged))
  const watching = await tx
    .select({ streamId: streams.streamId })
    .from(streams)
    .where(eq(streams.monitorId, monitorId))
    .limit(1)
  if (watching.length === 0) await insertUnneeded(tx, [monitorId])
}

/** A broadcast that a monitor watches, or did, with the alerts that are open, or were at the end of that. */
export type WatchedBroadcast = Pick<Stream, 'streamId' | 'userId' | 'title' | 'monitorId' | 'alerts' | 'appliedEvents'>

const WATCHED = {
  streamId: streams.streamId,
  userId: streams.userId,
  title: streams.title,
  monitorId: streams.monitorId,
  alerts: streams.alerts,
  appliedEvents: streams.appliedEvents,
}

/** What a broadcast has no more of once its monitor is gone. */
const UNWATCHED = { alerts: {}, appliedEvents: [] }

/** Releases the monitors of broadcasts: they are to be stopped, and those that are still on the air get others. */
export async function releaseMonitors(tx: Tx, streamIds: readonly string[]): Promise<readonly WatchedBroadcast[]> {
  const isReleased = and(inArray(streams.streamId, [...streamIds]), isNotNull(streams.monitorId))
  return release(tx, await tx.select(WATCHED).from(streams).where(isReleased).orderBy(streams.streamId).for('update'))
}

/** Releases monitors of broadcasts that have ended. */
export async function releaseMonitorsOfEnded(tx: Tx): Promise<readonly WatchedBroadcast[]> {
  return release(
    tx,
    await tx.select(WATCHED).from(streams).where(isWatchedEnded).limit(BATCH).for('update', { skipLocked: true }),
  )
}

async function release(tx: Tx, watched: readonly WatchedBroadcast[]): Promise<readonly WatchedBroadcast[]> {
  if (watched.length === 0) return watched
  const ids = watched.map(({ streamId }) => streamId)
  await tx
    .update(streams)
    .set({ monitorId: null, ...UNWATCHED })
    .where(inArray(streams.streamId, ids))
  await insertUnneeded(
    tx,
    watched.flatMap(({ monitorId }) => (monitorId === null ? [] : [monitorId])),
  )
  return watched
}

async function insertUnneeded(tx: Tx, monitorIds: readonly string[]): Promise<void> {
  await tx
    .insert(unneededMonitors)
    .values(monitorIds.map((monitorId) => ({ monitorId })))
    .onConflictDoNothing()
}

/** Takes monitors that are to be stopped; those that `deleteUnneeded` does not delete are taken again after `retrySec`. */
export async function takeUnneeded(db: DbOrTx, retrySec: number): Promise<string[]> {
  const due = db
    .select({ monitorId: unneededMonitors.monitorId })
    .from(unneededMonitors)
    .where(lte(unneededMonitors.dueAt, sql`now()`))
    .limit(BATCH)
    .for('update', { skipLocked: true })
  const taken = await db
    .update(unneededMonitors)
    .set({ dueAt: sql`now() + make_interval(secs => ${retrySec})` })
    // As an array: a plan that evaluates the subquery several times would take more rows than the limit.
    .where(sql`${unneededMonitors.monitorId} = any(array(${due}))`)
    .returning({ monitorId: unneededMonitors.monitorId })
  return taken.map(({ monitorId }) => monitorId)
}

/** Deletes a monitor that was stopped. */
export async function deleteUnneeded(db: DbOrTx, monitorId: string): Promise<void> {
  await db.delete(unneededMonitors).where(eq(unneededMonitors.monitorId, monitorId))
}

/** A broadcast and the monitor that says something of it. */
export type WatchedBy = { readonly streamId: string; readonly monitorId: string }

const isWatchedBy = ({ streamId, monitorId }: WatchedBy) =>
  and(eq(streams.streamId, streamId), eq(streams.monitorId, monitorId))

/** Returns the broadcast that a monitor watches, locked until the transaction ends; `null` where it watches another one. */
export async function lockWatched(tx: Tx, watched: WatchedBy): Promise<WatchedBroadcast | null> {
  const [row] = await tx.select(WATCHED).from(streams).where(isWatchedBy(watched)).for('update')
  return row ?? null
}

/** Records which alerts of a broadcast are open, and which events of its monitor were applied. */
export async function recordAlerts(
  tx: Tx,
  { streamId }: Pick<Stream, 'streamId'>,
  state: Pick<Stream, 'alerts' | 'appliedEvents'>,
): Promise<void> {
  await tx.update(streams).set(state).where(eq(streams.streamId, streamId))
}

/** Forgets a monitor that has ended by itself: the broadcast gets another one. */
export async function forgetMonitor(tx: Tx, { streamId }: Pick<Stream, 'streamId'>): Promise<void> {
  await tx
    .update(streams)
    .set({ monitorId: null, watchTriedAt: sql`now()`, ...UNWATCHED })
    .where(eq(streams.streamId, streamId))
}
