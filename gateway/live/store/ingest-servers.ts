import { desc, sql } from 'drizzle-orm'

import type { DbOrTx } from '../../ports/database.ts'
import { ingestServers } from '../schema.ts'

export type IngestServer = typeof ingestServers.$inferSelect

/** Stores the ports on which an ingest worker listens. */
export async function recordIngestServer(
  tx: DbOrTx,
  server: Pick<IngestServer, 'ingestId' | 'rtmpPort' | 'rtmpsPort'>,
): Promise<void> {
  const { rtmpPort, rtmpsPort } = server
  await tx
    .insert(ingestServers)
    .values(server)
    .onConflictDoUpdate({ target: ingestServers.ingestId, set: { rtmpPort, rtmpsPort, seenAt: sql`now()` } })
}

/** Returns the ingest worker that reported last; `null` before the first report. */
export async function findIngestServer(db: DbOrTx): Promise<IngestServer | null> {
  const [row] = await db.select().from(ingestServers).orderBy(desc(ingestServers.seenAt)).limit(1)
  return row ?? null
}
