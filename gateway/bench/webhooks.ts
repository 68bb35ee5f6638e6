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
/** Reports of each monitor before the measurement, and as many bare POSTs: what counts is code that is compiled. */
const WARM_UP_REPORTS = 1
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
  const deliver = async (reports: number) => {
    for (let i = 0; i < reports; i++) await Promise.all(workers.map((worker) => worker.report(events)))
    await receiver.receive(eventsOf(reports))
  }
  await deliver(WARM_UP_REPORTS)
  const perSec = await measureRate(REPORTS, deliver)
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

function eventsOf(reports: number): number {
  return MONITORS * EVENTS_PER_REPORT * reports
}

/** Returns the events a second of so many reports of each monitor. */
async function measureRate(reports: number, send: (reports: number) => Promise<void>): Promise<number> {
  const startedMs = performance.now()
  await send(reports)
  return eventsOf(reports) / ((performance.now() - startedMs) / 1000)
}

async function measureBarePosts(url: string): Promise<number> {
  const { origin, pathname } = new URL(url)
  const pool = new Pool(origin, { connections: MONITORS })
  const post = async (reports: number) => {
    const loops = Array.from({ length: MONITORS }, async () => {
      for (let i = 0; i < EVENTS_PER_REPORT * reports; i++) {
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
  }
  await post(WARM_UP_REPORTS)
  const perSec = await measureRate(REPORTS, post)
  await pool.close()
  return perSec
}

/** Starts a receiver in its own process, which both measurements share. */
async function startCountingReceiver() {
  const child: ChildProcess = fork(fileURLToPath(new URL('counting-receiver.ts', import.meta.url)))
  const [port] = await once(child, 'message')
  let wanted = 0
  return {
    url: `http://127.0.0.1:${port}/hook`,
    /** Resolves once so many more POSTs have arrived. */
    async receive(more: number) {
      wanted += more
      child.send(wanted)
      await once(child, 'message')
    },
    async [Symbol.asyncDispose]() {
      child.kill()
      await once(child, 'exit')
    },
  }
}
