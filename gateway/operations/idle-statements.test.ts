import { expect, test } from 'vitest'

import { createTransact } from '../adapters/postgres/transact.ts'
import { findGrowingScans, recordStatements } from '../testing/examine-statements.ts'
import { seedPast } from '../testing/seed-past.ts'
import { createTestDatabase } from '../testing/test-database.ts'
import { createTestSettings, startTestGateway } from '../testing/test-gateway.ts'
import { createOperations } from './operations.ts'

test('the statement by which a gateway polls reads nothing that grows with the past', async () => {
  await using gateway = await startTestGateway()
  await using database = await createTestDatabase()
  await seedPast(database.sql)
  const { db, statements } = recordStatements(database.sql)
  const context = { ...gateway.gateway.context, db, transact: createTransact(db) }
  const { systems } = await createTestSettings()
  const { scheduler } = createOperations(
    context,
    systems.map(({ mount }) => mount(context)),
  )
  await scheduler.run({ any: false, workers: false, everything: false })
  const polled = statements.filter(({ text }) => text.includes('from (select 1) as one'))
  expect(polled.length).toBeGreaterThan(0)
  for (const statement of polled) {
    // It is prepared: Postgres may plan it once for all values.
    for (const mode of ['force_custom_plan', 'force_generic_plan'] as const) {
      expect(await findGrowingScans(database.sql, statement, mode)).toEqual([])
    }
  }
})
