import { randomUUID } from 'node:crypto'
import { inject } from 'vitest'

import { createLog } from '../../shared/log.ts'
import { connectPostgres, type Postgres } from '../adapters/postgres/connect.ts'

/** Name of the migrated template database, which every test database copies. It must have no connections. */
export const TEMPLATE_DATABASE = 'template_tallylight'

export type TestDatabase = Postgres & { readonly url: string }

/** Creates a migrated database, which is dropped on dispose. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const clusterUrl = inject('postgresUrl')
  const name = `test_${randomUUID().replaceAll('-', '')}`
  await runOnce(clusterUrl, `create database ${name} template ${TEMPLATE_DATABASE}`)
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
