import { asc, eq, sql } from 'drizzle-orm'

import type { DbOrTx, Tx } from '../../ports/database.ts'
import { segments, streamTitles } from '../schema.ts'
import type { Stream } from './streams.ts'

/** Changes of the title of one broadcast that are kept; further ones make no chapter. */
const MAX_TITLES = 500

/** Records that the title of a broadcast on the air changes; with the first change, also what it was from the start. */
export async function recordTitle(tx: Tx, stream: Stream, title: string): Promise<void> {
  const { streamId, startedAt } = stream
  if (title === stream.title) return
  const known = await tx.$count(streamTitles, eq(streamTitles.streamId, streamId))
  if (known >= MAX_TITLES) return
  if (known === 0)
    await tx.insert(streamTitles).values({ streamId, since: startedAt ?? new Date(0), title: stream.title })
  await tx.insert(streamTitles).values({ streamId, since: sql`clock_timestamp()`, title })
}

/** A title of a broadcast, and from when on it is in its recording, in seconds without the gaps. */
export type RecordedTitle = { readonly title: string; readonly start: number }

/** Returns the titles that a broadcast has had, in order. */
export function listRecordedTitles(db: DbOrTx, streamId: string): Promise<RecordedTitle[]> {
  const before = sql`extract(epoch from ${streamTitles.since} - ${segments.programDateTime})`
  const recorded = sql`select coalesce(sum(least(${segments.durationSec}, ${before})), 0) from ${segments}
    where ${segments.streamId} = ${streamTitles.streamId} and ${segments.programDateTime} < ${streamTitles.since}`
  return db
    .select({ title: streamTitles.title, start: sql<number>`(${recorded})`.mapWith(Number) })
    .from(streamTitles)
    .where(eq(streamTitles.streamId, streamId))
    .orderBy(asc(streamTitles.since))
}
