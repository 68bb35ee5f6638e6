import { expect } from 'vitest'

import { workerNameOf } from '../../jobs/job-worker.ts'
import { buildJobReport, type JobReportFields } from './job-reports.ts'
import { createMemoryLauncher, type MemoryLauncher } from './memory-launcher.ts'
import {
  startTestGateway,
  type ApiResponse,
  type Json,
  type TestGateway,
  type TestGatewayOptions,
} from '../test-gateway.ts'

/** A simulated worker of one task, which makes the signed calls of a real one. */
export type SimulatedTaskWorker = {
  readonly taskId: string
  /** The task specification of its claim. */
  readonly order: Json
  /** The claimant id of its claim. */
  readonly claimant: string
  readonly epoch: number
  report(fields: JobReportFields): Promise<ApiResponse>
  /** Sends the last report again, as after a lost response. */
  resend(): Promise<ApiResponse>
}

/** A gateway with simulated workers of jobs. */
export type SimulatedJobs = AsyncDisposable & {
  readonly gateway: TestGateway
  readonly launcher: MemoryLauncher
  /** Creates a job; returns its id. */
  createJob(more?: object): Promise<string>
  job(id: string): Promise<Json>
  /** Returns the tasks whose workers were launched, in order. */
  launched(): readonly string[]
  /** Claims a task once its worker is launched. */
  claim(taskId: string): Promise<SimulatedTaskWorker>
  /** Claims a task that was handed over to a running worker; `claimant` is that worker's, by default a new one. */
  claimNext(taskId: string, claimant?: string): Promise<SimulatedTaskWorker>
  /** Returns the worker of a handed-over task that the response `next` already claimed. */
  startClaimed(next: Json, claimant: string): Promise<SimulatedTaskWorker>
  /** Returns the open tasks of one kind of a job, in order. */
  tasks(jobId: string, task: string): Promise<readonly string[]>
}

type TaskGateway = Pick<TestGateway, 'database' | 'callback'>

/** Starts a gateway with a memory launcher, for tests that simulate the workers of jobs. */
export async function startSimulatedJobs(options: TestGatewayOptions = {}): Promise<SimulatedJobs> {
  const launcher = createMemoryLauncher()
  const gateway = await startTestGateway({ launcher, ...options })
  const launched = () => launcher.launched.map(({ assignmentId }) => assignmentId)
  let paths = 0
  return {
    gateway,
    launcher,
    launched,
    async createJob(more = {}) {
      paths += 1
      const output = { storage: 'local', path: `videos/${paths}.mp4` }
      const body = { input_url: 'http://127.0.0.1:9/a.mp4', preset: '720p_h264', output, ...more }
      const answer = await gateway.api('POST', '/api/v1/jobs', body)
      if (answer.status !== 202) throw new Error(`POST /jobs: ${answer.status} ${answer.text}`)
      return answer.json.job_id
    },
    job: async (id) => (await gateway.api('GET', `/api/v1/jobs/${id}`)).json,
    async claim(taskId) {
      await expect.poll(launched).toContain(taskId)
      return claimTask(gateway, taskId)
    },
    claimNext: (taskId, claimant) => claimTask(gateway, taskId, claimant),
    startClaimed: async ({ task_id: taskId, claim: claimed }, claimant) => {
      const worker = await findTaskWorker(gateway, taskId)
      return createTaskWorker(gateway, { taskId, worker, claimed, claimant })
    },
    async tasks(jobId, task) {
      const rows = await gateway.database.sql`
        select id from job_tasks where job_id = ${jobId} and task = ${task} and status <> 'ended' order by position`
      return rows.map((row) => String(row['id']))
    },
    [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose](),
  }
}

/** Claims a task as the worker that it was last assigned to. */
export async function claimTask(
  gateway: TaskGateway,
  taskId: string,
  claimant: string = crypto.randomUUID(),
): Promise<SimulatedTaskWorker> {
  const worker = await findTaskWorker(gateway, taskId)
  const answer = await gateway.callback({ id: taskId, worker }, 'POST', `/internal/v1/jobs/${taskId}/claim`, {
    claimant,
  })
  if (answer.status !== 200) throw new Error(`claim: ${answer.status} ${answer.text}`)
  return createTaskWorker(gateway, { taskId, worker, claimed: answer.json, claimant })
}

/** Finds the name of the worker that a task was last assigned to. */
async function findTaskWorker({ database }: TaskGateway, taskId: string): Promise<string> {
  const rows = await database.sql`select host, launch from assignments where id = ${taskId}`
  return String(rows[0]?.['host'] ?? workerNameOf({ id: taskId, launch: Number(rows[0]?.['launch'] ?? 0) }))
}

type ClaimedTask = {
  readonly taskId: string
  readonly worker: string
  readonly claimed: Json
  readonly claimant: string
}

function createTaskWorker(
  gateway: TaskGateway,
  { taskId, worker, claimed, claimant }: ClaimedTask,
): SimulatedTaskWorker {
  const { epoch, order } = claimed
  let last = buildJobReport(epoch, 0)
  const send = () => gateway.callback({ id: taskId, worker }, 'PUT', `/internal/v1/jobs/${taskId}/status`, last)
  return {
    taskId,
    claimant,
    order,
    epoch,
    report(fields) {
      last = buildJobReport(epoch, last.seq + 1, fields)
      return send()
    },
    resend: send,
  }
}
