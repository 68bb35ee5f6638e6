import { afterAll, beforeAll, expect, test } from 'vitest'

import { countBlocks, recordStatements } from '../../testing/examine-statements.ts'
import { createTestDatabase, type TestDatabase } from '../../testing/test-database.ts'
import { seedStream } from '../testing/seed-stream.ts'
import { readStreamPage, type StreamPageFilter } from './listed-streams.ts'

const PAST = 20_000
/** Broadcasts that a search reads. */
const SEARCHED = 5000

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase()
  const { sql } = database
  const streamId = await seedStream(sql)
  // The ids of broadcasts grow with time; those of the past are smaller than the one of the other.
  await sql`
    insert into streams (stream_id, user_id, title, description, category, tags, visibility, latency, is_recorded, dvr_sec,
      state, key_hash, folder, started_at)
    select lpad(to_hex(n), 32, '0')::uuid, user_id, 'Show ' || n,
      (select string_agg(md5(n::text || part), '') from generate_series(1, 50) part),
      case when n % 5000 = 17 then 'rare' else '' end, '{}', 'public', 'low', true, 0, 'ended', n::text, '-', now()
    from generate_series(1, ${PAST}) n, users where user_id = (select user_id from streams where stream_id = ${streamId})`
  await sql`vacuum analyze`
})
afterAll(() => database[Symbol.asyncDispose]())

const ALL: StreamPageFilter = {
  states: ['ended'],
  user: undefined,
  category: undefined,
  text: undefined,
  before: null,
  limit: 20,
}

const titlesOf = async (filter: Partial<StreamPageFilter>) =>
  (await readStreamPage(database.db, { ...ALL, ...filter }, null)).map(({ stream }) => stream.title)

/** Returns how many blocks a page takes. */
async function costOf(filter: Partial<StreamPageFilter>): Promise<number> {
  const { db, statements } = recordStatements(database.sql)
  await readStreamPage(db, { ...ALL, ...filter }, null)
  let blocks = 0
  for (const statement of statements) blocks += await countBlocks(database.sql, statement)
  return blocks
}

test('a search finds text in the newest broadcasts only, and in the newest ones of what else it is limited to', async () => {
  const [oldest, tooOld] = [PAST - SEARCHED + 1, PAST - SEARCHED]
  expect(await titlesOf({ text: `show ${oldest}` })).toEqual([`Show ${oldest}`])
  expect(await titlesOf({ text: `Show ${tooOld}` })).toEqual([])
  expect(await titlesOf({ text: 'show', category: 'rare' })).toEqual([15_017, 10_017, 5017, 17].map((n) => `Show ${n}`))
  const before = `00000000-0000-0000-0000-${(PAST - 9).toString(16).padStart(12, '0')}`
  expect(await titlesOf({ text: `Show ${tooOld - 5}`, before })).toEqual([`Show ${tooOld - 5}`])
})

test('a search that finds nothing, and a rare category, do not read the broadcasts of all time', async () => {
  const [row] = await database.sql<{ pages: number }[]>`
    select (pg_relation_size('streams') / 8192)::int as pages`
  const pages = row?.pages ?? 0
  expect(pages).toBeGreaterThan(3000)
  for (const filter of [{ text: 'no such text' }, { text: 'no such text', states: ['live', 'ended'] as const }]) {
    expect(await costOf(filter)).toBeLessThan(pages / 2)
  }
  expect(await costOf({ category: 'rare' })).toBeLessThan(100)
  expect(await costOf({ category: 'none' })).toBeLessThan(100)
})
