import { expect } from 'vitest'

import type { JobReport } from '../../shared/contract/jobs.ts'
import { createMemoryLauncher, type MemoryLauncher } from './memory-launcher.ts'
import {
  startTestGateway,
  type ApiAnswer,
  type Json,
  type TestGateway,
  type TestGatewayOptions,
} from './test-gateway.ts'

/** A worker's word on its task, as far as a test says something of its own. */
export type Told = Partial<Omit<JobReport, 'epoch' | 'seq'>>

const SAYS_NOTHING: Omit<JobReport, 'epoch' | 'seq'> = {
  state: 'processing',
  progress: 0,
  message: 'at work',
  fps: null,
  speed: null,
  eta_sec: null,
  media_info: null,
  validation: null,
  has_stored: false,
  output: null,
  plan: null,
  failure: null,
  room: 0,
}

export const AN_OUTPUT = {
  output_url: 'http://media/x.mp4',
  output_type: 'single',
  files_uploaded: 1,
  bytes: 9,
} as const

/** One task's worker, played. */
export type PlayedWorker = {
  readonly taskId: string
  /** What it was told to do. */
  readonly order: Json
  readonly epoch: number
  tell(told: Told): Promise<ApiAnswer>
}

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
  /** The same for a task that a worker was given beside its own. */
  claimNext(taskId: string): Promise<PlayedWorker>
  /** The open tasks of a job of a kind, in order. */
  tasks(jobId: string, task: string): Promise<readonly string[]>
}

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
      expect(answer.status, answer.text).toBe(202)
      return answer.json.job_id
    },
    job: async (id) => (await gateway.api('GET', `/api/v1/jobs/${id}`)).json,
    async claim(taskId) {
      await expect.poll(launched).toContain(taskId)
      return claim(gateway, taskId)
    },
    claimNext: (taskId) => claim(gateway, taskId),
    async tasks(jobId, task) {
      const rows = await gateway.database.sql`
        select id from job_tasks where job_id = ${jobId} and task = ${task} and status <> 'ended' order by position`
      return rows.map((row) => String(row['id']))
    },
    [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose](),
  }
}

async function claim(gateway: TestGateway, taskId: string): Promise<PlayedWorker> {
  const path = `/internal/v1/jobs/${taskId}`
  const answer = await gateway.callback(taskId, 'POST', `${path}/claim`, { claimant: crypto.randomUUID() })
  expect(answer.status, answer.text).toBe(200)
  const { epoch, order } = answer.json
  let seq = 0
  return {
    taskId,
    order,
    epoch,
    tell: (told) =>
      gateway.callback(taskId, 'PUT', `${path}/status`, { ...SAYS_NOTHING, ...told, epoch, seq: (seq += 1) }),
  }
}
