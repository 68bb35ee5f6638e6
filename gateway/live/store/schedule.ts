import { and, asc, eq, gt, sql } from 'drizzle-orm'

import type { DbOrTx } from '../../ports/database.ts'
import { streams, users } from '../schema.ts'
import { isListedFor } from './listed.ts'
import type { OwnedStream } from './streams.ts'

/** How long a broadcast that is late stays in the schedule, in seconds. */
const LATE_SEC = 10_800

/** Returns the planned broadcasts of a user that a viewer finds in lists, the next one first. */
export function readPlanned(
  db: DbOrTx,
  ownerId: string,
  { viewerId, limit }: { readonly viewerId: string | null; readonly limit: number },
): Promise<OwnedStream[]> {
  return db
    .select({ stream: streams, username: users.username })
    .from(streams)
    .innerJoin(users, eq(users.userId, streams.userId))
    .where(
      and(
        eq(streams.userId, ownerId),
        eq(streams.state, 'scheduled'),
        gt(streams.scheduledFor, sql`now() - make_interval(secs => ${LATE_SEC})`),
        isListedFor(streams, viewerId),
      ),
    )
    .orderBy(asc(streams.scheduledFor), asc(streams.streamId))
    .limit(limit)
}
