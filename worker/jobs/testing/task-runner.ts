import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import * as v from 'valibot'
import { onTestFinished } from 'vitest'

import type { TaskSpec } from '../../../shared/contract/jobs.ts'
import { createLog } from '../../../shared/log.ts'
import { createFetcher } from '../../platform/http.ts'
import { encodeEnv } from '../../testing/worker-environments.ts'
import { removeIntermediateFiles } from '../deliver/cleanup.ts'
import { JobEnvironment } from '../environment.ts'
import type { TaskResult } from '../result.ts'
import { executeTask } from '../run.ts'
import type { TaskObservation } from '../state.ts'

export type TaskRunner = {
  readonly observations: readonly TaskObservation[]
  run(spec: TaskSpec): Promise<TaskResult>
  /** Aborts the running tasks. */
  stop(): void
  /** Returns the names of all files in the store. */
  listStored(): Promise<readonly string[]>
  /** Puts a file into the store. */
  put(key: string, content: string): Promise<void>
}

export type TaskRunnerOptions = {
  readonly env?: NodeJS.ProcessEnv
  readonly allowPrivateNetworks?: boolean
  /** URL of an HTTP proxy; none by default. */
  readonly proxy?: string
}

/** Creates a runner of tasks in this process, each in a folder of its own, with one local store. */
export async function createTaskRunner(options: TaskRunnerOptions = {}): Promise<TaskRunner> {
  const { env = {}, allowPrivateNetworks = true, proxy = null } = options
  const dir = await mkdtemp(join(tmpdir(), 'tallylight-run-'))
  const storeDir = join(dir, 'store')
  const proxies = { http: proxy, https: null, bypass: null }
  const fetcher = createFetcher({ policy: { allowPrivateNetworks }, proxies })
  onTestFinished(async () => {
    await fetcher[Symbol.asyncDispose]()
    await rm(dir, { recursive: true, force: true })
  })
  const stopped = new AbortController()
  const observations: TaskObservation[] = []
  let tasks = 0
  return {
    observations,
    run: async (spec) => {
      const taskDir = join(dir, `task-${++tasks}`)
      await mkdir(taskDir)
      const environment = v.parse(JobEnvironment, encodeEnv('http://127.0.0.1:9', dir, env))
      const log = createLog('test', 'error', () => {})
      const result = await executeTask(spec, {
        environment,
        fetcher,
        dir: taskDir,
        report: (observation) => observations.push(observation),
        flushReports: async () => {},
        isFirstAttempt: true,
        ownsTask: () => true,
        log,
        signal: stopped.signal,
      })
      // As a worker does once the gateway has acknowledged the result.
      if (spec.task === 'encode' && result.kind === 'done' && result.output !== null)
        await removeIntermediateFiles(spec, { environment, log })
      return result
    },
    stop: () => stopped.abort(),
    listStored: async () => {
      const entries = await readdir(storeDir, { recursive: true, withFileTypes: true }).catch(() => [])
      return entries.filter((entry) => entry.isFile()).map(({ name }) => name)
    },
    put: async (key, content) => {
      const path = join(storeDir, key)
      await mkdir(dirname(path), { recursive: true })
      await writeFile(path, content)
    },
  }
}
