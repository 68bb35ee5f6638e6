import { and, between, eq, ne, sql } from 'drizzle-orm'

import { lockUntilCommit } from '../../database/advisory-lock.ts'
import type { DbOrTx, Tx } from '../../ports/database.ts'
import { streams } from '../schema.ts'

/** UDP ports, from the first to the last. */
export type PortRange = { readonly first: number; readonly last: number }

/** Returns a port that no broadcast has, until the transaction ends; `null`: all are taken. */
export async function chooseSrtPort(tx: Tx, { first, last }: PortRange): Promise<number | null> {
  await lockUntilCommit(tx, 'live.srt_ports')
  const rows = await tx.execute<{ port: number }>(sql`
    select port from generate_series(${first}::int, ${last}::int) as port
    where not exists (select from ${streams} where ${streams.srtPort} = port and ${isOpen})
    order by port limit 1`)
  return rows[0]?.port ?? null
}

const isOpen = ne(streams.state, 'ended')

/** Returns the port of a broadcast that has not ended; `null`: it has none. */
export async function findSrtPort(db: DbOrTx, streamId: string): Promise<number | null> {
  const [row] = await db
    .select({ port: streams.srtPort })
    .from(streams)
    .where(and(eq(streams.streamId, streamId), isOpen))
  return row?.port ?? null
}

/** A broadcast that may be published over SRT. */
export type SrtStream = { readonly streamId: string; readonly srtPort: number; readonly keyHash: string }

/** Returns the broadcasts with ports of a range that have not ended. */
export async function listSrtStreams(db: DbOrTx, { first, last }: PortRange): Promise<SrtStream[]> {
  const rows = await db
    .select({ streamId: streams.streamId, srtPort: streams.srtPort, keyHash: streams.keyHash })
    .from(streams)
    .where(and(between(streams.srtPort, first, last), isOpen))
  return rows.flatMap(({ srtPort, ...row }) => (srtPort === null ? [] : [{ ...row, srtPort }]))
}
