import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { Logger, makeWorkerUtils, run } from 'graphile-worker'
import PgBoss from 'pg-boss'

import { createLog } from '../../shared/log.ts'
import { startSpan } from '../../shared/trace.ts'
import { startEmbeddedPostgres } from '../adapters/embedded-postgres/embedded-postgres.ts'
import type { JobsContext } from '../jobs/context.ts'
import { claimTask } from '../jobs/claim-task.ts'
import { createJob } from '../jobs/create-job.ts'
import { createCompleteJob, type CompleteJob } from '../jobs/complete-job.ts'
import { workerNameOf } from '../jobs/job-worker.ts'
import { recordReport } from '../jobs/record-report.ts'
import { startGateway } from '../cli/start-gateway.ts'
import { JOB_OUTPUT, buildJobReport } from '../testing/workers/job-reports.ts'
import { createMemoryLauncher } from '../testing/workers/memory-launcher.ts'
import { readGatewayAndJobSettings } from '../testing/read-job-settings.ts'
import { TEST_ENV, createTestSettings, quickHasher } from '../testing/test-gateway.ts'
import type { BenchResult } from './result-table.ts'

const JOBS = 1000
/** Untimed jobs before them, which open connections and plan statements. */
const WARM_UP_JOBS = 500
/** Concurrent jobs of each queue. graphile-worker is also timed with its default of one. */
const CONCURRENCY = 8
/** Rounds of each queue in turn; the median counts. */
const ROUNDS = 5

/**
 * Measures empty jobs per second after a warm-up, against two other queues on the same Postgres. Each job is leased,
 * claimed, reported and completed by the functions behind the workers' routes.
 */
export async function benchQueue(): Promise<BenchResult[]> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tallylight-bench-'))
  const log = createLog('bench', 'error', console.error)
  const database = await startEmbeddedPostgres({ dataDir, log, signal: AbortSignal.timeout(60_000) })
  try {
    const rounds: { ours: number; byDefault: number; graphile: number; boss: number }[] = []
    for (let round = 0; round < ROUNDS; round++) {
      rounds.push({
        ours: await timeTallylight(database.url),
        byDefault: await timeGraphile(database.url, 1),
        graphile: await timeGraphile(database.url, CONCURRENCY),
        boss: await timePgBoss(database.url),
      })
    }
    const medianOf = (rates: readonly number[]) => rates.toSorted((a, b) => a - b)[ROUNDS >> 1] ?? 0
    const ours = medianOf(rounds.map((round) => round.ours))
    const rowAgainst = (name: string, peer: number, goal: string): BenchResult => ({
      name: `queued jobs a second, ${CONCURRENCY} at a time (lease, epoch, history)`,
      ours: ours.toFixed(0),
      compared: `${name}: ${peer.toFixed(0)}`,
      ratio: ours / peer,
      goal,
    })
    return [
      rowAgainst(
        'graphile-worker by default, one at a time',
        medianOf(rounds.map(({ byDefault }) => byDefault)),
        '≥ 1',
      ),
      rowAgainst(
        `graphile-worker, ${CONCURRENCY} at a time`,
        medianOf(rounds.map(({ graphile }) => graphile)),
        'higher',
      ),
      rowAgainst(`pg-boss, ${CONCURRENCY} at a time`, medianOf(rounds.map(({ boss }) => boss)), 'higher'),
    ]
  } finally {
    await database[Symbol.asyncDispose]()
    await rm(dataDir, { recursive: true, force: true })
  }
}

async function timeTallylight(databaseUrl: string): Promise<number> {
  const launcher = createMemoryLauncher()
  const env = {
    MAX_ENCODE_WORKERS: '1',
    MAX_CONCURRENT_JOBS: `${CONCURRENCY}`,
    MAX_QUEUED_JOBS: `${2 * (WARM_UP_JOBS + JOBS)}`,
  }
  const { settings, systems } = await createTestSettings(env)
  const gateway = await startGateway({
    settings,
    systems,
    databaseUrl,
    launcher,
    passwordHasher: quickHasher,
    log: createLog('gateway', 'error', console.error),
  })
  await gateway.started
  const { jobs } = readGatewayAndJobSettings({ ...TEST_ENV, ...env })
  const context = { ...gateway.context, settings: { ...gateway.context.settings, jobs } }
  const preset = jobs.presets.get('720p_h264')
  if (preset === undefined) throw new Error('there is no preset 720p_h264')
  for (let i = 0; i <= WARM_UP_JOBS + JOBS; i++) {
    const body = {
      input_url: 'http://127.0.0.1:9/a.mp4',
      preset: { name: '720p_h264', preset },
      output: { storage: 'local', path: `bench/${i}.mp4`, type: 'single', metadata: {} },
      callback_url: null,
      priority: 0,
      timeout_sec: 3600,
      chunks: 1,
      clip: null,
      thumbnails: false,
    } as const
    await createJob(context, body, null, startSpan(null))
  }
  const first = await waitForLaunch(launcher)
  const counter = createCounter()
  const claimant = crypto.randomUUID()
  const worker = workerNameOf({ id: first, launch: 1 })
  const { epoch } = await claimTask(context, first, { claimant, worker })
  const completeJob = createCompleteJob(context)
  await completeTasks({ context, completeJob, counter, claimant, name: worker }, { id: first, epoch }, CONCURRENCY)
  await gateway.close()
  return counter.perSec()
}

/** Creates a counter of completed jobs that is timed from the end of the warm-up. */
function createCounter() {
  const timed = { count: 0, fromMs: 0, toMs: 0 }
  return {
    /** Counts one job; returns whether it was the last. */
    done(): boolean {
      timed.count += 1
      timed.toMs = performance.now()
      if (timed.count === WARM_UP_JOBS) timed.fromMs = timed.toMs
      return timed.count === WARM_UP_JOBS + JOBS
    },
    perSec: () => (timed.count - WARM_UP_JOBS) / ((timed.toMs - timed.fromMs) / 1000),
  }
}

async function waitForLaunch({ launched }: ReturnType<typeof createMemoryLauncher>): Promise<string> {
  for (;;) {
    const [first] = launched
    if (first !== undefined) return first.assignmentId
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

type BenchWorker = {
  readonly context: JobsContext
  readonly completeJob: CompleteJob
  readonly counter: ReturnType<typeof createCounter>
  readonly claimant: string
  readonly name: string
}
type ClaimedTask = { readonly id: string; readonly epoch: number }

/** Completes a task with `room` free slots; each response hands over claimed tasks, which are completed in turn. */
async function completeTasks(worker: BenchWorker, { id, epoch }: ClaimedTask, room: number): Promise<void> {
  const fields = { state: 'done', progress: 100, output: JOB_OUTPUT, room, claimant: worker.claimant } as const
  const { next } = await recordReport(worker.context, worker.completeJob, id, {
    ...buildJobReport(epoch, 1, fields),
    worker: worker.name,
  })
  worker.counter.done()
  const claimed = next.map(({ task_id, claim }) => ({ id: task_id, epoch: claim?.epoch ?? 0 }))
  await Promise.all(claimed.map((task) => completeTasks(worker, task, 1)))
}

async function timeGraphile(connectionString: string, concurrency: number): Promise<number> {
  const logger = new Logger(() => () => {})
  const utils = await makeWorkerUtils({ connectionString, logger })
  await utils.migrate()
  await utils.addJobs(Array.from({ length: WARM_UP_JOBS + JOBS }, () => ({ identifier: 'nothing', payload: {} })))
  await utils.release()
  const counter = createCounter()
  return new Promise((resolve, reject) => {
    const nothing = async () => {
      // Stops completely before the next queue is timed.
      if (counter.done()) void runner.then((started) => started.stop()).then(() => resolve(counter.perSec()), reject)
    }
    const runner = run({ connectionString, logger, concurrency, noHandleSignals: true, taskList: { nothing } })
    runner.catch(reject)
  })
}

async function timePgBoss(connectionString: string): Promise<number> {
  const boss = new PgBoss({ connectionString, schedule: false, supervise: false })
  // Errors of its connections when the database stops are ignored.
  boss.on('error', () => {})
  await boss.start()
  await boss.createQueue('nothing')
  await boss.insert(Array.from({ length: WARM_UP_JOBS + JOBS }, () => ({ name: 'nothing', data: {} })))
  const counter = createCounter()
  const slot = async () => {
    for (;;) {
      const [job] = await boss.fetch('nothing')
      if (job === undefined) return
      await boss.complete('nothing', job.id)
      counter.done()
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, slot))
  await boss.stop({ graceful: false })
  return counter.perSec()
}
