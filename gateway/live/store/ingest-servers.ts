import { and, asc, desc, eq, gt, isNotNull, sql } from 'drizzle-orm'

import { prepareQuery } from '../../database/prepared-query.ts'
import type { DbOrTx } from '../../ports/database.ts'
import { ingestServers } from '../schema.ts'

export type IngestServer = typeof ingestServers.$inferSelect

/** Stores where an ingest worker listens. */
export async function recordIngestServer(tx: DbOrTx, server: Omit<IngestServer, 'seenAt'>): Promise<void> {
  await recordIngestServerQuery(tx, server)
}

const recordIngestServerQuery = prepareQuery('record_ingest_server', (db) =>
  db
    .insert(ingestServers)
    .values({
      ingestId: sql`${sql.placeholder('ingestId')}`,
      rtmpPort: sql`${sql.placeholder('rtmpPort')}`,
      rtmpsPort: sql`${sql.placeholder('rtmpsPort')}`,
      whipUrl: sql`${sql.placeholder('whipUrl')}`,
    })
    .onConflictDoUpdate({
      target: ingestServers.ingestId,
      set: {
        rtmpPort: sql`excluded.rtmp_port`,
        rtmpsPort: sql`excluded.rtmps_port`,
        whipUrl: sql`excluded.whip_url`,
        seenAt: sql`now()`,
      },
    }),
)

/** Returns the ingest worker that reported last; `null` before the first report. */
export async function findIngestServer(db: DbOrTx): Promise<IngestServer | null> {
  const [row] = await db.select().from(ingestServers).orderBy(desc(ingestServers.seenAt)).limit(1)
  return row ?? null
}

/** An ingest worker that takes offers of WHIP. */
export type WhipServer = { readonly ingestId: string; readonly url: string }

/** An ingest worker that has reported nothing for longer is gone, in seconds. */
const GONE_SEC = 10

/**
 * Returns the ingest worker for offers of WHIP, or the one of an id; `null` where none is there. It is always the first one:
 * only its UDP port can be the one that a firewall or a load balancer leads to.
 */
export async function findWhipServer(db: DbOrTx, ingestId?: string): Promise<WhipServer | null> {
  const isThere = gt(ingestServers.seenAt, sql`now() - make_interval(secs => ${GONE_SEC})`)
  const isWanted = ingestId === undefined ? undefined : eq(ingestServers.ingestId, ingestId)
  const [row] = await db
    .select()
    .from(ingestServers)
    .where(and(isNotNull(ingestServers.whipUrl), isThere, isWanted))
    .orderBy(asc(ingestServers.ingestId))
    .limit(1)
  return row === undefined || row.whipUrl === null ? null : { ingestId: row.ingestId, url: row.whipUrl }
}
