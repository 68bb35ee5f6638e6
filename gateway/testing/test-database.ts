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
  admin ??= connectPostgres(clusterUrl, testLog)
  const { sql } = admin
  const name = `test_${randomUUID().replaceAll('-', '')}`
  // A copy of the files takes a quarter of the time of the default strategy, which logs each page.
  await sql.unsafe(`create database ${name} template ${TEMPLATE_DATABASE} strategy file_copy`)
  const url = Object.assign(new URL(clusterUrl), { pathname: name }).href
  const postgres = connectPostgres(url, testLog)
  return {
    ...postgres,
    url,
    async [Symbol.asyncDispose]() {
      await postgres[Symbol.asyncDispose]()
      await sql.unsafe(`drop database ${name} with (force)`)
    },
  }
}

const testLog = createLog('test', 'warn', console.warn)

/** Connections of the test process to the cluster, which end with the process. */
let admin: Postgres | undefined
