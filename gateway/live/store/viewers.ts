import { asc, eq, lt, sql } from 'drizzle-orm'

import { dueWhile, type DueInMs } from '../../database/due-times.ts'
import type { DbOrTx } from '../../ports/database.ts'
import { streams, viewerMinutes, viewers } from '../schema.ts'

/** A viewer of a broadcast: an open page, or a playback session of another player. */
export type ViewerRef = { readonly streamId: string; readonly viewerId: string }

/** How long a viewer counts without being seen again, in seconds. */
const VIEWER_LEASE_SEC = 30

/** Renews the leases of viewers; unknown ones begin to count. */
export async function renewViewers(db: DbOrTx, seen: readonly ViewerRef[]): Promise<void> {
  if (seen.length === 0) return
  const rows = JSON.stringify(seen.map(({ streamId, viewerId }) => ({ stream: streamId, viewer: viewerId })))
  await db.execute(sql`
    insert into ${viewers} (stream_id, viewer_id, lease_until)
    select distinct given.stream, given.viewer, now() + make_interval(secs => ${VIEWER_LEASE_SEC})
    from json_to_recordset(${rows}::json) as given(stream uuid, viewer text)
    join ${streams} on ${streams.streamId} = given.stream and ${streams.state} in ('live', 'reconnecting')
    on conflict (stream_id, viewer_id) do update set lease_until = excluded.lease_until`)
}

/** Removes a viewer that has left. */
export async function removeViewer(db: DbOrTx, { streamId, viewerId }: ViewerRef): Promise<void> {
  await db.delete(viewers).where(sql`${viewers.streamId} = ${streamId} and ${viewers.viewerId} = ${viewerId}`)
}

/** Removes all viewers of a broadcast. */
export async function deleteViewers(tx: DbOrTx, streamId: string): Promise<void> {
  await tx.delete(viewers).where(eq(viewers.streamId, streamId))
}

/** Records the present count of viewers of each broadcast on the air, where it is the highest one of this minute. */
export async function recordViewerMinutes(db: DbOrTx): Promise<void> {
  await db.execute(sql`
    insert into ${viewerMinutes} (stream_id, minute, viewers)
    select stream_id, date_trunc('minute', now()), viewer_count from ${streams} where state in ('live', 'reconnecting')
    on conflict (stream_id, minute) do update set viewers = excluded.viewers
    where ${viewerMinutes.viewers} < excluded.viewers`)
}

/** Returns the viewers of a broadcast by minutes, from its start on. */
export function listViewerMinutes(db: DbOrTx, streamId: string): Promise<{ minute: Date; viewers: number }[]> {
  return db
    .select({ minute: viewerMinutes.minute, viewers: viewerMinutes.viewers })
    .from(viewerMinutes)
    .where(eq(viewerMinutes.streamId, streamId))
    .orderBy(asc(viewerMinutes.minute))
}

/** There are viewers, or broadcasts on the air that may have some. */
export const VIEWERS_COUNT: DueInMs = dueWhile(sql`(
  exists (select from ${streams} where ${streams.state} in ('live', 'reconnecting')) or exists (select from ${viewers}))`)

/** Removes viewers whose leases have ended, and counts the others; returns the broadcasts whose count has changed. */
export async function countViewers(db: DbOrTx): Promise<readonly string[]> {
  await db.delete(viewers).where(lt(viewers.leaseUntil, sql`now()`))
  const changed = await db.execute<{ id: string }>(sql`
    update ${streams} set viewer_count = counted.n, peak_viewers = greatest(${streams.peakViewers}, counted.n)
    from (
      select open.stream_id, count(${viewers.viewerId})::int as n
      from ${streams} open left join ${viewers} on ${viewers.streamId} = open.stream_id
      where open.state in ('live', 'reconnecting')
      group by open.stream_id
    ) counted
    where ${streams.streamId} = counted.stream_id and ${streams.viewerCount} <> counted.n
    returning ${streams.streamId} as id`)
  return changed.map(({ id }) => id)
}
