import { expect, test } from 'vitest'

import { createTestDatabase } from './test-database.ts'

test('databases of tests are independent copies', async () => {
  await using first = await createTestDatabase()
  await using second = await createTestDatabase()
  await first.sql`create table mine (id int)`
  expect(await second.sql`select to_regclass('mine') as found`).toEqual([{ found: null }])
})
