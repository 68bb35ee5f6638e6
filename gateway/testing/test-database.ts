import { randomUUID } from 'node:crypto'
import { inject } from 'vitest'

import { createLog } from '../../shared/log.ts'
import { connectPostgres, type Postgres } from '../adapters/postgres.ts'

/** The migrated database of the run that every test database is a copy of; nobody may connect to it. */
export const TEMPLATE = 'template_tallylight'

export type TestDatabase = Postgres & { readonly url: string }

/** A migrated database of its own, dropped on dispose. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const clusterUrl = inject('postgresUrl')
  const name = `test_${randomUUID().replaceAll('-', '')}`
  await runOnce(clusterUrl, `create database ${name} template ${TEMPLATE}`)
  const url = Object.assign(new URL(clusterUrl), { pathname: name }).href
  const postgres = connectPostgres(url, testLog)
  return {
    ...postgres,
    url,
    async [Symbol.asyncDispose]() {
      await postgres[Symbol.asyncDispose]()
      await runOnce(clusterUrl, `drop database ${name} with (force)`)
    },
  }
}

const testLog = createLog('test', 'warn', console.warn)

async function runOnce(url: string, statement: string): Promise<void> {
  await using admin = connectPostgres(url, testLog)
  await admin.sql.unsafe(statement)
}
