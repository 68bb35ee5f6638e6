import { sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { connectPostgres } from '../adapters/postgres/connect.ts'
import { createLog } from '../../shared/log.ts'
import { startTestGateway, type TestGateway } from '../testing/test-gateway.ts'
import { createWorkerLaunches } from './launch-due-workers.ts'
import { insertAssignments } from './store/assignments.ts'
import type { WorkerKind } from './worker-kind.ts'

let gateway: TestGateway
beforeAll(async () => {
  gateway = await startTestGateway()
})
afterAll(() => gateway[Symbol.asyncDispose]())

/** Returns a kind whose specification is read from the database. */
function kindOf(kind: string, readSpec: () => Promise<unknown>): WorkerKind {
  return {
    kind,
    attempts: { max: 3, stableAfterSec: null },
    nameOf: ({ id }) => id,
    subjectsOf: async () => new Map(),
    async specFor({ id }) {
      await readSpec()
      return { name: id, kind, assignmentId: id, secrets: {}, env: {} }
    },
    onLost: async () => {},
  }
}

async function launchOf(id: string): Promise<unknown> {
  const [row] = await gateway.database.sql`
    select launch, attempts, launch_at > now() as waits, is_launched from assignments where id = ${id}`
  return row
}

test('a kind that only a newer gateway knows is left to it, at no cost in attempts', async () => {
  const { context } = gateway.gateway
  await context.transact((tx) => insertAssignments(tx, 'of-a-newer-gateway', ['newer-1']))
  const launchDue = createWorkerLaunches(context, [kindOf('known', async () => undefined)])
  expect(await launchDue()).toBeNull()
  expect(await launchOf('newer-1')).toEqual({ launch: 0, attempts: 0, waits: false, is_launched: false })
})

test('a launch during an outage of the database is tried again, at no cost in attempts, and the others go on', async () => {
  const { context } = gateway.gateway
  await using gone = connectPostgres(
    'postgres://nobody:none@127.0.0.1:1/none',
    createLog('test', 'error', () => undefined),
  )
  await context.transact((tx) => insertAssignments(tx, 'unread', ['unread-1']))
  await context.transact((tx) => insertAssignments(tx, 'read', ['read-1']))
  const kinds = [kindOf('unread', () => gone.db.execute(sql`select 1`)), kindOf('read', async () => undefined)]
  expect(await createWorkerLaunches(context, kinds)()).toBeGreaterThan(0)
  expect(await launchOf('unread-1')).toEqual({ launch: 1, attempts: 0, waits: true, is_launched: false })
  expect(await launchOf('read-1')).toEqual({ launch: 1, attempts: 1, waits: null, is_launched: true })
  expect(gateway.errors).toEqual([])
})

test('a launch whose specification is wrong costs an attempt', async () => {
  const { context } = gateway.gateway
  await context.transact((tx) => insertAssignments(tx, 'wrong', ['wrong-1']))
  const kind = kindOf('wrong', () => Promise.reject(new Error('the key cannot be read')))
  await createWorkerLaunches(context, [kind])()
  expect(await launchOf('wrong-1')).toMatchObject({ launch: 1, attempts: 1 })
  expect(gateway.errors.join('\n')).toContain('the key cannot be read')
})
