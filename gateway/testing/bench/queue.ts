import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { Logger, makeWorkerUtils, run } from 'graphile-worker'
import PgBoss from 'pg-boss'

import { createLog } from '../../../shared/log.ts'
import { childOf } from '../../../shared/trace.ts'
import { startEmbeddedPostgres } from '../../adapters/embedded-postgres.ts'
import type { Context } from '../../context.ts'
import { claimTask } from '../../jobs/claim-task.ts'
import { createJob } from '../../jobs/create-job.ts'
import { workerNameOf } from '../../jobs/pod.ts'
import { createCompletions, type Completions } from '../../jobs/completions.ts'
import { recordReport } from '../../jobs/record-report.ts'
import { startGateway } from '../../node-gateway.ts'
import { AN_OUTPUT, jobReportOf } from '../job-reports.ts'
import { createMemoryLauncher } from '../memory-launcher.ts'
import { TEST_SETTINGS } from '../test-gateway.ts'
import type { Row } from './row.ts'

const JOBS = 1000
/** Done before them, untimed: connections are opened and statements planned by then. */
const WARM_UP = 500
/** Jobs at a time, for all three; graphile-worker does one unless told otherwise, and is timed so too. */
const AT_A_TIME = 8
/** Of each, one after the other; the median counts. */
const ROUNDS = 5

/**
 * Queued jobs with nothing to do, a second, by queues that have run for a moment: each is leased, claimed, told of and
 * ended by the functions behind the workers' routes, against what two other queues do on the same Postgres.
 */
export async function benchQueue(): Promise<Row[]> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tallylight-bench-'))
  const log = createLog('bench', 'error', console.error)
  const database = await startEmbeddedPostgres({ dataDir, log, signal: AbortSignal.timeout(60_000) })
  try {
    const rounds: { ours: number; byDefault: number; graphile: number; boss: number }[] = []
    for (let round = 0; round < ROUNDS; round++) {
      rounds.push({
        ours: await timeOurs(database.url),
        byDefault: await timeGraphile(database.url, 1),
        graphile: await timeGraphile(database.url, AT_A_TIME),
        boss: await timeBoss(database.url),
      })
    }
    const medianOf = (rates: readonly number[]) => rates.toSorted((a, b) => a - b)[ROUNDS >> 1] ?? 0
    const ours = medianOf(rounds.map((round) => round.ours))
    const rowAgainst = (name: string, peer: number, goal: string): Row => ({
      name: `queued jobs a second, ${AT_A_TIME} at a time (lease, epoch, history)`,
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
      rowAgainst(`graphile-worker, ${AT_A_TIME} at a time`, medianOf(rounds.map(({ graphile }) => graphile)), 'higher'),
      rowAgainst(`pg-boss, ${AT_A_TIME} at a time`, medianOf(rounds.map(({ boss }) => boss)), 'higher'),
    ]
  } finally {
    await database[Symbol.asyncDispose]()
    await rm(dataDir, { recursive: true, force: true })
  }
}

async function timeOurs(databaseUrl: string): Promise<number> {
  const launcher = createMemoryLauncher()
  const jobs = { ...TEST_SETTINGS.jobs, maxWorkers: 1, maxConcurrent: AT_A_TIME }
  const gateway = await startGateway({
    settings: { ...TEST_SETTINGS, jobs },
    databaseUrl,
    launcher,
    log: createLog('gateway', 'error', console.error),
  })
  await gateway.started
  const { context } = gateway
  const preset = jobs.presets.get('720p_h264')
  if (preset === undefined) throw new Error('there is no preset 720p_h264')
  for (let i = 0; i <= WARM_UP + JOBS; i++) {
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
    await createJob(
      { ...context, settings: { ...context.settings, jobs: { ...jobs, maxQueued: 2 * (WARM_UP + JOBS) } } },
      body,
      null,
      childOf(null),
    )
  }
  const first = await untilLaunched(launcher)
  const counter = createCounter()
  const claimant = crypto.randomUUID()
  const worker = workerNameOf({ id: first, launch: 1 })
  const { epoch } = await claimTask(context, first, { claimant, worker })
  const completions = createCompletions(context)
  await work({ context, completions, counter, claimant, name: worker }, { id: first, epoch }, AT_A_TIME)
  await gateway.close()
  return counter.perSec()
}

/** Counts what is done, and times it from the warm-up on. */
function createCounter() {
  const timed = { count: 0, fromMs: 0, toMs: 0 }
  return {
    /** Gives whether that was the last. */
    done(): boolean {
      timed.count += 1
      timed.toMs = performance.now()
      if (timed.count === WARM_UP) timed.fromMs = timed.toMs
      return timed.count === WARM_UP + JOBS
    },
    perSec: () => (timed.count - WARM_UP) / ((timed.toMs - timed.fromMs) / 1000),
  }
}

async function untilLaunched({ launched }: ReturnType<typeof createMemoryLauncher>): Promise<string> {
  for (;;) {
    const [first] = launched
    if (first !== undefined) return first.assignmentId
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

type Worker = {
  readonly context: Context
  readonly completions: Completions
  readonly counter: ReturnType<typeof createCounter>
  readonly claimant: string
  readonly name: string
}
type Held = { readonly id: string; readonly epoch: number }

/** A worker with so many slots: each task that is done brings the next, claimed. */
async function work(worker: Worker, { id, epoch }: Held, room: number): Promise<void> {
  const told = { state: 'done', progress: 100, output: AN_OUTPUT, room, claimant: worker.claimant } as const
  const { next } = await recordReport(worker.context, worker.completions, id, {
    ...jobReportOf(epoch, 1, told),
    worker: worker.name,
  })
  worker.counter.done()
  const held = next.map(({ task_id, claim }) => ({ id: task_id, epoch: claim?.epoch ?? 0 }))
  await Promise.all(held.map((task) => work(worker, task, 1)))
}

async function timeGraphile(connectionString: string, concurrency: number): Promise<number> {
  const logger = new Logger(() => () => {})
  const utils = await makeWorkerUtils({ connectionString, logger })
  await utils.migrate()
  await utils.addJobs(Array.from({ length: WARM_UP + JOBS }, () => ({ identifier: 'nothing', payload: {} })))
  await utils.release()
  const counter = createCounter()
  return new Promise((resolve, reject) => {
    const nothing = async () => {
      // Nothing of it runs beside whoever is timed next.
      if (counter.done()) void runner.then((started) => started.stop()).then(() => resolve(counter.perSec()), reject)
    }
    const runner = run({ connectionString, logger, concurrency, noHandleSignals: true, taskList: { nothing } })
    runner.catch(reject)
  })
}

async function timeBoss(connectionString: string): Promise<number> {
  const boss = new PgBoss({ connectionString, schedule: false, supervise: false })
  // Its connections end with the database.
  boss.on('error', () => {})
  await boss.start()
  await boss.createQueue('nothing')
  await boss.insert(Array.from({ length: WARM_UP + JOBS }, () => ({ name: 'nothing', data: {} })))
  const counter = createCounter()
  const slot = async () => {
    for (;;) {
      const [job] = await boss.fetch('nothing')
      if (job === undefined) return
      await boss.complete('nothing', job.id)
      counter.done()
    }
  }
  await Promise.all(Array.from({ length: AT_A_TIME }, slot))
  await boss.stop({ graceful: false })
  return counter.perSec()
}
