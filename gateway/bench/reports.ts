import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { findInstalledBinaries } from '../adapters/embedded-postgres/binaries.ts'
import { createSimulatedWorkers, type SimulatedWorker } from './simulated-worker.ts'
import type { BenchResult } from './result-table.ts'
import { startBenchSystem } from './system.ts'

const WORKERS = 8
const SECONDS = 6
/** A gateway runs for days: what counts is code that is compiled. */
const WARM_UP_SECONDS = 2

/** Measures signed reports per second, against pgbench with the same update and as many clients. */
export async function benchReports(): Promise<BenchResult[]> {
  const pgbench = await findPgbench()
  if (pgbench === null) return []
  await using system = await startBenchSystem({ separateDatabase: true })
  const workers = await createSimulatedWorkers(system, WORKERS, 'http://127.0.0.1:9/hook')
  await reportFor(WARM_UP_SECONDS, workers)
  const perSec = (await reportFor(SECONDS, workers)) / SECONDS
  const barePerSec = await measurePgbench(
    pgbench,
    system.databaseUrl,
    workers.map((worker) => worker.id),
  )
  return [
    {
      name: 'worker reports a second (HTTP, signature, parsing, update)',
      ours: perSec.toFixed(0),
      compared: `pgbench, the same update: ${barePerSec.toFixed(0)}`,
      ratio: perSec / barePerSec,
      goal: '≥ 0.3',
    },
  ]
}

/** Sends the reports of each worker one after the other; returns how many were taken. */
async function reportFor(seconds: number, workers: readonly SimulatedWorker[]): Promise<number> {
  let reports = 0
  const endMs = Date.now() + seconds * 1000
  await Promise.all(
    workers.map(async (worker) => {
      for (; Date.now() < endMs; reports++) await worker.report([])
    }),
  )
  return reports
}

async function findPgbench(): Promise<string | null> {
  const candidates = (await findInstalledBinaries()).map(({ dir }) => join(dir, 'pgbench'))
  return candidates.find((path) => existsSync(path)) ?? null
}

async function measurePgbench(pgbench: string, url: string, ids: readonly string[]): Promise<number> {
  const dir = await mkdtemp(join(tmpdir(), 'tallylight-pgbench-'))
  const script = join(dir, 'report.sql')
  const names = ids.map((id) => `'${id}'`).join(',')
  await writeFile(
    script,
    `\\set n random(1, ${ids.length})
with call as (
  update assignments set seq = seq + 1, resume = '{"position":{"sequence":1,"url":"http://127.0.0.1:9/segment.ts"}}',
    lease_until = now() + interval '30 s', attempts = case when claimed_at < now() - interval '60 s' then 0 else attempts end
  where id = (array[${names}])[:n] and epoch = 1 and ended_at is null returning id)
update monitors set status = 'monitoring', stream_status = 'live', updated_at = now(),
  health = '{"video":"ok","audio":"ok","last_check_at":"2027-01-01T00:00:00.000Z"}',
  statistics = '{"total_segments_analyzed":1,"segments_failed":0,"segments_skipped":0,"blackout_events":0,"silence_events":0}'
from call where monitors.id = call.id and ended_at is null returning monitors.*;
`,
  )
  try {
    const args = ['-n', '-M', 'prepared', '-c', String(ids.length), '-j', '2', '-T', String(SECONDS), '-f', script, url]
    const output = execFileSync(pgbench, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    return Number(/tps = ([\d.]+)/.exec(output)?.[1])
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}
