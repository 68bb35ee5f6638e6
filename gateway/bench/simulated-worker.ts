import postgres from 'postgres'
import { request } from 'undici'

import type { MonitorReport } from '../../shared/contract/monitors.ts'
import { deriveWorkerToken, signCallback } from '../../shared/net/signing.ts'
import { buildReport } from '../testing/workers/monitor-reports.ts'
import type { BenchSystem } from './system.ts'

/** A worker without a process. This process sends its reports, by `undici`: `fetch` costs nearly as much as the gateway. */
export type SimulatedWorker = {
  readonly id: string
  report(events: MonitorReport['events']): Promise<void>
}

/** Creates monitors with simulated workers. They are scheduled for tomorrow, so that the gateway launches no worker. */
export async function createSimulatedWorkers(
  system: BenchSystem,
  count: number,
  callbackUrl: string,
): Promise<SimulatedWorker[]> {
  const scheduled_start_time = new Date(Date.now() + 86_400_000).toISOString()
  const bodies = Array.from({ length: count }, (_, i) => ({
    stream_url: `http://127.0.0.1:9/bench-${i}.m3u8`,
    callback_url: callbackUrl,
    config: { scheduled_start_time },
  }))
  const ids = await Promise.all(bodies.map((body) => system.createMonitor(body)))
  const sql = postgres(system.databaseUrl, { max: 1 })
  await sql`insert into assignments (id, kind, epoch) select unnest(${ids}::text[]), 'monitor', 1`
  await sql.end()
  return Promise.all(ids.map((id) => createSimulatedWorker(system, id)))
}

async function createSimulatedWorker(system: BenchSystem, id: string): Promise<SimulatedWorker> {
  const token = deriveWorkerToken(system.keys.INTERNAL_API_KEY, 'monitor', id)
  const path = `/internal/v1/monitors/${id}/status`
  let seq = 0
  return {
    id,
    async report(events) {
      seq += 1
      const body = JSON.stringify(buildReport(1, seq, { events }))
      const timestamp = String(Math.floor(Date.now() / 1000))
      const signature = signCallback(token, timestamp, { method: 'PUT', path, body })
      const headers = {
        'content-type': 'application/json',
        'x-worker-id': id,
        'x-timestamp': timestamp,
        'x-signature-256': signature,
      }
      const answer = await request(system.origin + path, { method: 'PUT', headers, body })
      const text = await answer.body.text()
      if (answer.statusCode !== 200) throw new Error(`a report was refused: ${answer.statusCode} ${text}`)
    },
  }
}
