import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { createLog } from '../../shared/log.ts'
import { INITIAL_STATISTICS, UNKNOWN_HEALTH } from '../../shared/contract/monitors.ts'
import { makeClip } from '../../shared/testing/clips.ts'
import { startBroadcastSimulator } from '../../shared/testing/broadcast-simulator.ts'
import { buildPod } from '../adapters/kubernetes/pod-spec.ts'
import { connectPostgres } from '../adapters/postgres/connect.ts'
import { bundleWorker } from '../adapters/process/worker-bundle.ts'
import { monitorRole, workerNameOf } from '../monitors/pod.ts'
import { startFakeKubernetes, type FakeKubernetes } from '../testing/fake-kubernetes/index.ts'
import { asPod } from '../testing/fake-kubernetes/wire.ts'
import { readCpuSec } from './cpu.ts'
import type { BenchResult } from './result-table.ts'
import { startBenchSystem, type BenchSystem } from './system.ts'

const MONITORS = 5000
const PASSES = 5
const LIMITS = { passCpuSec: 1, callsPerPass: 2, firstReportSec: 5 }
const RESOURCES = { requests: { cpu: '100m', memory: '256Mi' }, limits: { cpu: '500m', memory: '512Mi' } }

/** Measures the reconciliation of thousands of monitors with as many Pods, and the time from POST to a first report. */
export async function benchCluster(): Promise<BenchResult[]> {
  return [...(await benchReconciliation()), await benchFirstReport()]
}

function buildClusterEnv(kube: FakeKubernetes): Record<string, string> {
  return { LAUNCHER: 'kubernetes', KUBECONFIG: kube.kubeconfigPath, WORKER_IMAGE: 'example/worker:1' }
}

async function benchReconciliation(): Promise<BenchResult[]> {
  await using kube = await startFakeKubernetes()
  const env = { ...buildClusterEnv(kube), MAX_MONITORS: '10000', RECONCILE_INTERVAL: '1h' }
  await using system = await startBenchSystem({ separateDatabase: true, env })
  const ids = await insertMonitors(system.databaseUrl)
  const role = monitorRole({ resources: RESOURCES })
  kube.insertPods(
    ids.map((id) => {
      const spec = { name: workerNameOf(id), kind: role.kind, assignmentId: id, env: { STREAM_URL: 'http://x/a.m3u8' } }
      const options = { namespace: kube.namespace, image: 'example/worker:1', secret: 'none', owner: null }
      return asPod(buildPod(spec, role, options))
    }),
  )
  await reconcile(system)
  const [cpuBefore, callsBefore] = [readCpuSec(system.pid), kube.calls.length]
  for (let n = 0; n < PASSES; n++) await reconcile(system)
  const passCpuSec = (readCpuSec(system.pid) - cpuBefore) / PASSES
  const calls = (kube.calls.length - callsBefore) / PASSES
  return [
    {
      name: `CPU of comparing ${MONITORS} records with ${MONITORS} Pods`,
      ours: `${passCpuSec.toFixed(2)} s`,
      compared: `limit: ${LIMITS.passCpuSec} s`,
      ratio: passCpuSec / LIMITS.passCpuSec,
      goal: '≤ 1',
    },
    {
      name: 'API calls that it takes where nothing changed',
      ours: calls.toFixed(1),
      compared: `limit: ${LIMITS.callsPerPass}`,
      ratio: calls / LIMITS.callsPerPass,
      goal: '≤ 1',
    },
  ]
}

/** Inserts claimed monitors with leases of one hour. */
async function insertMonitors(databaseUrl: string): Promise<string[]> {
  await using database = connectPostgres(databaseUrl, createLog('bench', 'error', console.error))
  const { sql } = database
  const rows = await sql<{ id: string }[]>`
    insert into monitors (id, stream_key, stream_url, callback_url, status, health, statistics, config, metadata)
    select 'mon-' || gen_random_uuid(), 'bench-' || n, 'http://127.0.0.1:9/' || n || '.m3u8', 'http://127.0.0.1:9/',
      'monitoring', ${JSON.stringify(UNKNOWN_HEALTH)}, ${JSON.stringify(INITIAL_STATISTICS)}, '{}', '{}'
    from generate_series(1, ${MONITORS}) n returning id`
  await sql`
    insert into assignments (id, kind, epoch, attempts, launched_at, launched_by, claimed_at, lease_until, resume)
    select id, 'monitor', 1, 1, now(), 'kubernetes:tallylight', now(), now() + interval '1 hour', '{"at":1}' from monitors`
  return rows.map(({ id }) => id)
}

async function reconcile(system: BenchSystem): Promise<void> {
  const headers = { 'x-internal-api-key': system.keys.INTERNAL_API_KEY }
  const answer = await fetch(`${system.origin}/internal/v1/reconcile`, { method: 'POST', headers })
  const report = await answer.text()
  if (!answer.ok || !report.includes('"found":{}')) throw new Error(`reconcile: ${answer.status} ${report}`)
}

/** Measures the time from POST to the first report of a worker in a Pod whose image is present. */
async function benchFirstReport(): Promise<BenchResult> {
  const folder = await mkdtemp(join(tmpdir(), 'tallylight-bench-'))
  try {
    await using clip = await makeClip([{ sec: 20 }], { segmentSec: 2, fps: 25, size: '320x180', container: 'ts' })
    await using simulator = await startBroadcastSimulator(clip)
    await using kube = await startFakeKubernetes({ runPods: { entry: await bundleWorker(folder) } })
    await using system = await startBenchSystem({ env: buildClusterEnv(kube) })
    const postedMs = Date.now()
    const id = await system.createMonitor({ stream_url: simulator.url, callback_url: 'http://127.0.0.1:9/' })
    await system.waitForSegments(id, 1, 50)
    const sec = (Date.now() - postedMs) / 1000
    return {
      name: 'first segment reported by a Pod after POST, its image present',
      ours: `${sec.toFixed(2)} s`,
      compared: `limit: ${LIMITS.firstReportSec} s`,
      ratio: sec / LIMITS.firstReportSec,
      goal: '≤ 1',
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
