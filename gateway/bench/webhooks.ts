import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

import { Pool } from 'undici'

import { createSimulatedWorkers } from './simulated-worker.ts'
import type { BenchResult } from './result-table.ts'
import { startBenchSystem } from './system.ts'

const MONITORS = 16
const EVENTS_PER_REPORT = 50
const REPORTS = 5
const EVENTS = MONITORS * EVENTS_PER_REPORT * REPORTS
const BODY = JSON.stringify({ event_id: 'evt', event_type: 'alert.blackout', data: { text: 'x'.repeat(300) } })

/** Measures webhooks per second, from stored event to recorded response, against bare POSTs to the same receiver. */
export async function benchWebhooks(): Promise<BenchResult[]> {
  await using receiver = await startCountingReceiver()
  await using system = await startBenchSystem({ separateDatabase: true })
  const workers = await createSimulatedWorkers(system, MONITORS, receiver.url)
  const event = {
    event_type: 'alert.blackout',
    timestamp: new Date().toISOString(),
    data: { text: 'x'.repeat(300) },
  } as const
  const events = Array.from({ length: EVENTS_PER_REPORT }, () => event)
  const startedMs = Date.now()
  for (let i = 0; i < REPORTS; i++) await Promise.all(workers.map((worker) => worker.report(events)))
  await receiver.count(EVENTS)
  const perSec = EVENTS / ((Date.now() - startedMs) / 1000)
  const barePerSec = await measureBarePosts(receiver.url)
  return [
    {
      name: 'webhooks a second (stored, ordered, signed twice, noted)',
      ours: perSec.toFixed(0),
      compared: `a bare undici loop: ${barePerSec.toFixed(0)}`,
      ratio: perSec / barePerSec,
      goal: '≥ 0.4',
    },
  ]
}

async function measureBarePosts(url: string): Promise<number> {
  const { origin, pathname } = new URL(url)
  const pool = new Pool(origin, { connections: MONITORS })
  const startedMs = Date.now()
  const loops = Array.from({ length: MONITORS }, async () => {
    for (let i = 0; i < EVENTS / MONITORS; i++) {
      const answer = await pool.request({
        path: pathname,
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: BODY,
      })
      await answer.body.dump()
    }
  })
  await Promise.all(loops)
  await pool.close()
  return EVENTS / ((Date.now() - startedMs) / 1000)
}

/** Starts a receiver in its own process, which both measurements share. */
async function startCountingReceiver() {
  const child: ChildProcess = fork(fileURLToPath(new URL('counting-receiver.ts', import.meta.url)))
  const [port] = await once(child, 'message')
  return {
    url: `http://127.0.0.1:${port}/hook`,
    async count(wanted: number) {
      child.send(wanted)
      await once(child, 'message')
    },
    async [Symbol.asyncDispose]() {
      child.kill()
      await once(child, 'exit')
    },
  }
}
