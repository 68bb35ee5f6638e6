import { expect, test } from 'vitest'

import { countBlocks, recordStatements } from '../../testing/examine-statements.ts'
import { createTestDatabase, type TestDatabase } from '../../testing/test-database.ts'
import { seedStream } from '../testing/seed-stream.ts'
import { findWindowStart } from './segments.ts'

/** Segments of 2 s in twelve hours. */
const TWELVE_HOURS = 21_600

/** Stores segments of 2 s whose times are `offsetSec` late. */
async function seedSegments(
  { sql }: TestDatabase,
  streamId: string,
  { from, to, offsetSec }: { readonly from: number; readonly to: number; readonly offsetSec: number },
): Promise<void> {
  await sql`
    insert into stream_segments (stream_id, seq, epoch, run, n, duration_sec, program_date_time, frames, bytes)
    select ${streamId}, seq, 1, 0, seq, 2, '2026-01-01Z'::timestamptz + make_interval(secs => seq * 2 + ${offsetSec}), 60, '{1}'
    from generate_series(${from}::int, ${to}::int - 1) as seq`
}

test('the start of a window is found without reading the segments of twelve hours', async () => {
  await using database = await createTestDatabase()
  const streamId = await seedStream(database.sql)
  await seedSegments(database, streamId, { from: 0, to: TWELVE_HOURS, offsetSec: 0 })
  await database.sql`vacuum analyze`
  const { db, statements } = recordStatements(database.sql)
  expect(await findWindowStart(db, streamId, 30)).toBe(TWELVE_HOURS - 16)
  expect(await findWindowStart(db, streamId, 7200)).toBe(TWELVE_HOURS - 3601)
  expect(await findWindowStart(db, streamId, 43_200)).toBe(0)
  for (const statement of statements) expect(await countBlocks(database.sql, statement)).toBeLessThan(300)
})

test('a window begins with the oldest segment that is stored, and with 0 where none is', async () => {
  await using database = await createTestDatabase()
  const streamId = await seedStream(database.sql)
  expect(await findWindowStart(database.db, streamId, 30)).toBe(0)
  await seedSegments(database, streamId, { from: 7, to: 10, offsetSec: 0 })
  expect(await findWindowStart(database.db, streamId, 30)).toBe(7)
  expect(await findWindowStart(database.db, streamId, 2)).toBe(8)
})

test('a window never begins earlier than before, also where the clock of the next ingest worker is late', async () => {
  await using database = await createTestDatabase()
  const streamId = await seedStream(database.sql)
  await seedSegments(database, streamId, { from: 0, to: 200, offsetSec: 0 })
  let before = await findWindowStart(database.db, streamId, 30)
  for (let seq = 200; seq < 260; seq++) {
    await seedSegments(database, streamId, { from: seq, to: seq + 1, offsetSec: -50 })
    const start = await findWindowStart(database.db, streamId, 30)
    expect(start).toBeGreaterThanOrEqual(before)
    before = start
  }
  expect(before).toBe(259 - 15)
})
