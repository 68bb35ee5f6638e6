import { expect } from 'vitest'

import { workerNameOf } from '../jobs/pod.ts'
import { jobReportOf, type Told } from './job-reports.ts'
import { createMemoryLauncher, type MemoryLauncher } from './memory-launcher.ts'
import {
  startTestGateway,
  type ApiAnswer,
  type Json,
  type TestGateway,
  type TestGatewayOptions,
} from './test-gateway.ts'

/** One task's worker, played. */
export type PlayedWorker = {
  readonly taskId: string
  /** What it was told to do. */
  readonly order: Json
  /** As whom it has claimed. */
  readonly claimant: string
  readonly epoch: number
  tell(told: Told): Promise<ApiAnswer>
  /** Sends the last report again, as after a lost answer. */
  repeat(): Promise<ApiAnswer>
}

/** For what a loaded machine may take its time. */
export const WAIT = { timeout: 15_000 }

/** A gateway whose jobs' workers the test plays. */
export type PlayedJobs = AsyncDisposable & {
  readonly gateway: TestGateway
  readonly launcher: MemoryLauncher
  /** Makes a job; gives its id. */
  post(more?: object): Promise<string>
  job(id: string): Promise<Json>
  /** The tasks whose workers were launched, in order. */
  launched(): readonly string[]
  /** Claims a task whose worker was launched, once it was. */
  claim(taskId: string): Promise<PlayedWorker>
  /** The same for a task that a worker was given beside its own, as that worker where it says so. */
  claimNext(taskId: string, claimant?: string): Promise<PlayedWorker>
  /** A task that a worker was given claimed, as an answer tells of it. */
  begin(next: Json, claimant: string): Promise<PlayedWorker>
  /** The open tasks of a job of a kind, in order. */
  tasks(jobId: string, task: string): Promise<readonly string[]>
}

type Played = Pick<TestGateway, 'database' | 'callback'>

export async function startPlayedJobs(options: TestGatewayOptions = {}): Promise<PlayedJobs> {
  const launcher = createMemoryLauncher()
  const gateway = await startTestGateway({ launcher, ...options })
  const launched = () => launcher.launched.map(({ assignmentId }) => assignmentId)
  let paths = 0
  return {
    gateway,
    launcher,
    launched,
    async post(more = {}) {
      paths += 1
      const output = { storage: 'local', path: `videos/${paths}.mp4` }
      const body = { input_url: 'http://127.0.0.1:9/a.mp4', preset: '720p_h264', output, ...more }
      const answer = await gateway.api('POST', '/api/v1/jobs', body)
      if (answer.status !== 202) throw new Error(`POST /jobs: ${answer.status} ${answer.text}`)
      return answer.json.job_id
    },
    job: async (id) => (await gateway.api('GET', `/api/v1/jobs/${id}`)).json,
    async claim(taskId) {
      await expect.poll(launched, WAIT).toContain(taskId)
      return claim(gateway, taskId)
    },
    claimNext: (taskId, claimant) => claim(gateway, taskId, claimant),
    begin: async ({ task_id: taskId, claim: claimed }, claimant) => {
      const worker = await carrierOf(gateway, taskId)
      return work(gateway, { taskId, worker, claimed, claimant })
    },
    async tasks(jobId, task) {
      const rows = await gateway.database.sql`
        select id from job_tasks where job_id = ${jobId} and task = ${task} and status <> 'ended' order by position`
      return rows.map((row) => String(row['id']))
    },
    [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose](),
  }
}

/** Claims a task as the worker that it was given to last. */
export async function claim(
  gateway: Played,
  taskId: string,
  claimant: string = crypto.randomUUID(),
): Promise<PlayedWorker> {
  const worker = await carrierOf(gateway, taskId)
  const answer = await gateway.callback({ id: taskId, worker }, 'POST', `/internal/v1/jobs/${taskId}/claim`, {
    claimant,
  })
  if (answer.status !== 200) throw new Error(`claim: ${answer.status} ${answer.text}`)
  return work(gateway, { taskId, worker, claimed: answer.json, claimant })
}

/** The name of the worker that a task was given to last. */
async function carrierOf({ database }: Played, taskId: string): Promise<string> {
  const rows = await database.sql`select host, launch from assignments where id = ${taskId}`
  return String(rows[0]?.['host'] ?? workerNameOf({ id: taskId, launch: Number(rows[0]?.['launch'] ?? 0) }))
}

type Held = { readonly taskId: string; readonly worker: string; readonly claimed: Json; readonly claimant: string }

function work(gateway: Played, { taskId, worker, claimed, claimant }: Held): PlayedWorker {
  const { epoch, order } = claimed
  let last = jobReportOf(epoch, 0)
  const send = () => gateway.callback({ id: taskId, worker }, 'PUT', `/internal/v1/jobs/${taskId}/status`, last)
  return {
    taskId,
    claimant,
    order,
    epoch,
    tell(told) {
      last = jobReportOf(epoch, last.seq + 1, told)
      return send()
    },
    repeat: send,
  }
}
