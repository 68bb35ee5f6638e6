import { expect, test } from 'vitest'

import { countBlocks, recordStatements } from '../../../testing/examine-statements.ts'
import { createTestDatabase } from '../../../testing/test-database.ts'
import { seedStream } from '../../testing/seed-stream.ts'
import { readReplay } from './replay.ts'

/** Messages of one hour, of which the author of every tenth has deleted the account. */
const MESSAGES = 36_000

test('a replay from a late moment does not read the chat before it', async () => {
  await using database = await createTestDatabase()
  const { sql } = database
  const streamId = await seedStream(sql)
  await sql`
    insert into stream_segments (stream_id, seq, epoch, run, n, duration_sec, program_date_time, frames, bytes)
    values (${streamId}, 0, 1, 0, 0, 3600, '2026-01-01Z', 60, '{1}')`
  await sql`
    insert into chat_entries (stream_id, seq, entry_id, kind, user_id, role, text, created_at)
    select ${streamId}, seq, gen_random_uuid(), 'message', (select user_id from streams), 'viewer', 'at ' || seq * 0.1,
      '2026-01-01Z'::timestamptz + make_interval(secs => seq * 0.1)
    from generate_series(1, ${MESSAGES}) seq where seq % 10 <> 0`
  await sql`vacuum analyze`
  const { db, statements } = recordStatements(sql)
  const read = async (fromSec: number, afterSeq = 0) => {
    const messages = await readReplay(db, streamId, { fromSec, afterSeq, limit: 2 })
    return messages.map(({ text, offsetSec }) => [text, offsetSec])
  }
  expect(await read(3000)).toEqual([
    ['at 3000.1', 3000.1],
    ['at 3000.2', 3000.2],
  ])
  expect(await read(3000, 30_002)).toEqual([
    ['at 3000.3', 3000.3],
    ['at 3000.4', 3000.4],
  ])
  expect((await read(0))[0]).toEqual(['at 0.1', 0.1])
  expect(await read(4000)).toEqual([])
  for (const statement of statements) expect(await countBlocks(sql, statement)).toBeLessThan(300)
})
