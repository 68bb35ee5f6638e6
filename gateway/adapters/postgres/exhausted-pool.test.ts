import { expect, test } from 'vitest'

import { until } from '../../../shared/testing/until.ts'
import { startTestGateway } from '../../testing/test-gateway.ts'

test('where all connections are busy, calls are refused with 503 after seconds, and the gateway stays healthy and ready', async () => {
  await using gateway = await startTestGateway()
  const { api, database } = gateway
  const list = () => api('GET', '/api/v1/monitors')
  let blocked: Promise<unknown>[] = []
  await database.sql.begin(async (tx) => {
    await tx`set local idle_in_transaction_session_timeout = 0`
    await tx`lock table monitors`
    blocked = Array.from({ length: 4 }, list)
    const waits = () => database.sql`
      select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`
    await until(async () => (await waits()).length >= 4, 'the pool is exhausted')
    const startedMs = performance.now()
    const [refused, ready, health] = await Promise.all([
      api('GET', '/api/v1/streams'),
      api('GET', '/readyz'),
      api('GET', '/healthz'),
    ])
    expect([refused.status, refused.json]).toMatchObject([503, { error: { code: 'DATABASE_UNAVAILABLE' } }])
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    // A statement that waits for a lock ends after 8 s.
    expect(performance.now() - startedMs).toBeLessThan(7000)
    expect([ready.status, ready.json.checks.database, health.status]).toEqual([200, 'ok', 200])
  })
  await Promise.allSettled(blocked)
  await until(async () => (await list()).status === 200, 'calls are answered again')
})
