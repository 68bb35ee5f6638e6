import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/postgres-js'
import { expect, test } from 'vitest'

import { createTestDatabase } from '../testing/test-database.ts'
import { createDueTimes, dueAt, dueWhile } from './due-times.ts'

test('due times that are read in one turn cost one statement, and say what is due, what is due later, and what never is', async () => {
  await using database = await createTestDatabase()
  const statements: string[] = []
  const db = drizzle(database.sql, { logger: { logQuery: (text) => statements.push(text) } })
  const dueTimes = createDueTimes(db)
  const read = [
    dueTimes.add(dueAt(sql`now() + interval '2 seconds'`)),
    dueTimes.add(dueAt(sql`now() - interval '1 second'`)),
    dueTimes.add(dueAt(sql`(select max(due_at) from mails)`)),
    dueTimes.add(dueWhile(sql`exists (select 1)`)),
    dueTimes.add(dueWhile(sql`not exists (select 1)`)),
  ]
  expect(await Promise.all(read.map((readOne) => readOne()))).toEqual([2000, -1000, null, 0, null])
  expect(statements).toHaveLength(1)
  await read[0]?.()
  expect(statements).toHaveLength(2)
})
