import { expect, it } from 'vitest'

import { createMemoryLauncher } from '../../testing/workers/memory-launcher.ts'
import { buildReport } from '../../testing/workers/monitor-reports.ts'
import { startTestGateway, type Json } from '../../testing/test-gateway.ts'

/** A gateway of its own, and what a test does with it. */
async function start() {
  const launcher = createMemoryLauncher()
  const gateway = await startTestGateway({ launcher, env: { MAX_MONITORS: '9' } })
  const status = async (query = '') => (await gateway.api('GET', `/api/v1/workers/status${query}`)).json
  const workerOf = async (id: string): Promise<Json> =>
    (await status()).workers.find((one: Json) => one.assignment_id === id)
  let streams = 0
  return {
    launcher,
    gateway,
    status,
    workerOf,
    async watch(config: object = {}): Promise<string> {
      streams += 1
      const stream_url = `http://127.0.0.1:9/status-${streams}.m3u8`
      const callback_url = 'http://127.0.0.1:9/hook'
      return (await gateway.api('POST', '/api/v1/monitors', { stream_url, callback_url, config })).json.monitor_id
    },
    async untilLaunched(id: string): Promise<void> {
      await expect.poll(async () => (await workerOf(id)).state).toBe('starting')
    },
    claim: (id: string) =>
      gateway.callback(id, 'POST', `/internal/v1/monitors/${id}/claim`, { claimant: crypto.randomUUID() }),
    report: (id: string, epoch: number, seq: number) =>
      gateway.callback(id, 'PUT', `/internal/v1/monitors/${id}/status`, buildReport(epoch, seq)),
    [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose](),
  }
}

it('shows a worker from its launch on: what it runs, since when, by whom, and its last sign of life', async () => {
  await using own = await start()
  const { gateway, launcher, workerOf } = own
  const id = await own.watch()
  await own.untilLaunched(id)
  expect(await workerOf(id)).toEqual({
    kind: 'monitor',
    assignment_id: id,
    runs: { monitor_id: id },
    worker: `stream-monitor-${id}`,
    state: 'starting',
    launched_by: launcher.owner,
    launched_at: expect.any(String),
    claimed_at: null,
    last_seen_at: null,
    next_launch_at: null,
    epoch: 0,
    attempts: 1,
    restarts: 0,
  })
  await own.claim(id)
  const beforeMs = Date.now()
  await own.report(id, 1, 1)
  const running = await workerOf(id)
  expect(running).toMatchObject({ state: 'running', epoch: 1, attempts: 1, restarts: 0 })
  // To the millisecond, of two clocks of one machine.
  expect(Date.parse(running.last_seen_at)).toBeGreaterThanOrEqual(beforeMs - 1)
  expect(Date.parse(running.last_seen_at)).toBeLessThanOrEqual(Date.now() + 1)
  expect(Date.parse(running.claimed_at)).toBeGreaterThanOrEqual(Date.parse(running.launched_at))
  await gateway.api('DELETE', `/api/v1/monitors/${id}`)
  expect(await workerOf(id)).toBeUndefined()
})

it('counts a worker that took over from another as a restart', async () => {
  await using own = await start()
  const id = await own.watch()
  await own.untilLaunched(id)
  await own.claim(id)
  await own.claim(id)
  expect(await own.workerOf(id)).toMatchObject({ state: 'running', epoch: 2, restarts: 1 })
})

it('shows what waits to be launched, also while the launcher cannot be reached', async () => {
  await using own = await start()
  const { launcher, workerOf } = own
  launcher.failWith(new Error('the API server is away'))
  const id = await own.watch()
  const waiting = { state: 'waiting', launched_at: null, claimed_at: null, next_launch_at: expect.any(String) }
  await expect.poll(() => workerOf(id)).toMatchObject(waiting)
})

it('shows how many places are taken: scheduled monitors have one too, and no worker yet', async () => {
  const scheduled_start_time = new Date(Date.now() + 86_400_000).toISOString()
  await using own = await start()
  const ids = [await own.watch(), await own.watch({ scheduled_start_time })]
  const answer = await own.status()
  expect(answer.capacity).toEqual({ monitors: { used: 2, limit: 9 }, jobs: { used: 0, limit: 2 } })
  expect(answer.workers.map((one: Json) => one.assignment_id)).toEqual([ids[0]])
})

it('pages through all workers, the newest first, each once', async () => {
  await using own = await start()
  const ids: string[] = []
  for (let n = 0; n < 5; n++) ids.push(await own.watch())
  const seen: string[] = []
  for (let cursor: string | null = ''; cursor !== null;) {
    const page = await own.status(`?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`)
    expect(page.workers.length).toBeLessThanOrEqual(2)
    seen.push(...page.workers.map((one: Json) => one.assignment_id))
    cursor = page.pagination.next_cursor
  }
  expect(seen).toEqual(ids.toReversed())
})

it('wants the key, and a query that it knows', async () => {
  await using own = await start()
  const { gateway } = own
  const without = await gateway.api('GET', '/api/v1/workers/status', undefined, { 'x-api-key': '' })
  expect([without.status, without.json.error.code]).toEqual([401, 'UNAUTHORIZED'])
  for (const query of ['?limit=0', '?limit=201', '?cursor=!', '?cursor=bm90LWFuLWlk', '?state=running']) {
    const answer = await gateway.api('GET', `/api/v1/workers/status${query}`)
    expect([query, answer.status, answer.json.error?.code]).toEqual([query, 400, 'INVALID_CONFIG'])
  }
  const { paths } = (await gateway.api('GET', '/openapi.json')).json
  expect(Object.keys(paths['/api/v1/workers/status'].get.responses)).toEqual(
    expect.arrayContaining(['200', '400', '401', '429']),
  )
})
