import { and, eq, gt, isNotNull, isNull, lt, or, sql } from 'drizzle-orm'

import { dueWhile, type DueInMs } from '../../database/due-times.ts'
import type { DbOrTx } from '../../ports/database.ts'
import { streams } from '../schema.ts'
import type { Stream } from './streams.ts'

const isUnwatched = and(eq(streams.state, 'live'), gt(streams.nextSeq, 0), isNull(streams.monitorId))
const isWatchedEnded = and(eq(streams.state, 'ended'), isNotNull(streams.monitorId))

/** Broadcasts on the air have no monitor, or some that have ended still have one. */
export const MONITORS_DIFFER: DueInMs = dueWhile(sql`(
  exists (select from ${streams} where ${isUnwatched}) or exists (select from ${streams} where ${isWatchedEnded}))`)

/** Returns broadcasts that have segments and no monitor; those that were tried within `retrySec` are left out. */
export function listUnwatched(db: DbOrTx, retrySec: number): Promise<Stream[]> {
  const isDue = or(
    isNull(streams.watchTriedAt),
    lt(streams.watchTriedAt, sql`now() - make_interval(secs => ${retrySec})`),
  )
  return db.select().from(streams).where(and(isUnwatched, isDue)).limit(10)
}

/** Returns broadcasts that have ended and still have a monitor. */
export function listWatchedEnded(db: DbOrTx): Promise<Stream[]> {
  return db.select().from(streams).where(isWatchedEnded).limit(10)
}

/** Stores the monitor of a broadcast; `null`: it has none, and is tried again later. */
export async function recordMonitor(db: DbOrTx, streamId: string, monitorId: string | null): Promise<void> {
  await db
    .update(streams)
    .set({ monitorId, watchTriedAt: sql`now()`, alerts: {} })
    .where(eq(streams.streamId, streamId))
}

/** Opens an alert of a broadcast since a time, or closes it (`null`). */
export async function recordAlert(
  db: DbOrTx,
  streamId: string,
  { kind, since }: { readonly kind: string; readonly since: string | null },
): Promise<void> {
  const alerts =
    since === null
      ? sql`${streams.alerts} - ${kind}::text`
      : sql`${streams.alerts} || jsonb_build_object(${kind}::text, ${since}::text)`
  await db.update(streams).set({ alerts }).where(eq(streams.streamId, streamId))
}
