import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'

import { expect, it, onTestFinished } from 'vitest'

import { createLog } from '../../shared/log.ts'
import { PATIENCE_MS } from '../../shared/testing/until.ts'
import { findFreePort } from '../adapters/http/free-port.ts'
import { buildClusterUrl, openCluster } from '../adapters/embedded-postgres/cluster.ts'
import { startServer } from '../adapters/embedded-postgres/server.ts'
import { connectPostgres } from '../adapters/postgres/connect.ts'
import { readPostmasterPid } from '../testing/find-processes.ts'
import { startTestGateway, type ApiResponse } from '../testing/test-gateway.ts'

const PASSWORD = 'database-gone'

it('a database that is stopped at once under load costs no acknowledged monitor, and is answered with 503 until it is back', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tallylight-gone-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const signal = AbortSignal.timeout(4 * PATIENCE_MS)
  const cluster = await openCluster({ dir: join(folder, 'postgres'), password: PASSWORD, signal })
  const options = { port: await findFreePort(null), logFile: join(folder, 'log') }
  const first = await startServer(cluster, options, signal)
  const url = buildClusterUrl(options.port, PASSWORD)
  await using connection = connectPostgres(
    url,
    createLog('test', 'error', () => undefined),
  )
  const database = { ...connection, url }
  await using gateway = await startTestGateway({ database, env: { MAX_MONITORS: '10000' } })

  const answers: ApiResponse[] = []
  const loading = new AbortController()
  async function load(client: number): Promise<void> {
    for (let i = 0; !loading.signal.aborted; i++) {
      const stream_url = `http://127.0.0.1:9/gone-${client}-${i}.m3u8`
      answers.push(
        await gateway.api('POST', '/api/v1/monitors', { stream_url, callback_url: 'http://127.0.0.1:9/hook' }),
      )
      if (answers.at(-1)?.status === 503) await wait(20)
    }
  }
  const clients = Promise.all(Array.from({ length: 4 }, (_, client) => load(client)))
  async function stopLoad(): Promise<void> {
    loading.abort()
    await clients
  }
  await using _load = { [Symbol.asyncDispose]: stopLoad }
  const seen = (status: number) => answers.filter((answer) => answer.status === status)
  await expect.poll(() => seen(201).length).toBeGreaterThan(20)
  process.kill(readPostmasterPid(folder) ?? Number.NaN, 'SIGQUIT')
  await first.exited
  await expect.poll(() => seen(503).length).toBeGreaterThan(0)
  expect((await gateway.api('GET', '/readyz')).json).toMatchObject({ checks: { database: 'cannot be reached' } })
  expect((await gateway.api('GET', '/healthz')).status).toBe(200)
  const [refused] = seen(503)
  expect([refused?.json.error.code, refused?.headers.get('retry-after')]).toEqual(['DATABASE_UNAVAILABLE', '2'])

  const second = await startServer(cluster, options, signal)
  onTestFinished(() => second.stop())
  await expect.poll(async () => (await gateway.api('GET', '/readyz')).status).toBe(200)
  const before = seen(201).length
  await expect.poll(() => seen(201).length).toBeGreaterThan(before)
  await stopLoad()
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201, 503]))
  const stored = await connection.sql<{ id: string }[]>`select id from monitors`
  const ids = new Set(stored.map((row) => row.id))
  expect(seen(201).filter(({ json }) => !ids.has(json.monitor_id))).toEqual([])
})
