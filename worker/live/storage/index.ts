import * as v from 'valibot'

import { StorageOrder, type StorageReport, type StorageResult } from '../../../shared/contract/live-files.ts'
import { readEnvironment } from '../../environment.ts'
import type { ClaimedAssignment, PreparedWorker, WorkerOutcome } from '../../kind.ts'
import { openStore } from '../../stores/open-store.ts'
import { runSingleTask } from '../run-single-task.ts'
import { StorageEnvironment } from './environment.ts'
import { runTasks } from './run-tasks.ts'

/**
 * Prepares a worker that removes and moves stored files.
 * @throws EnvironmentError
 */
export function prepareStorageWorker(env: NodeJS.ProcessEnv): PreparedWorker {
  const environment = readEnvironment(StorageEnvironment, env)
  return {
    environment,
    assignmentPath: `/internal/v1/storage/${environment.STORAGE_ID}`,
    logFields: { storage_id: environment.STORAGE_ID },
    run: (assignment) => runStorage(environment, assignment),
  }
}

function runStorage(environment: StorageEnvironment, assignment: ClaimedAssignment): Promise<WorkerOutcome> {
  return runSingleTask<readonly StorageResult[]>(assignment, {
    path: `/internal/v1/storage/${environment.STORAGE_ID}/status`,
    compose: (number, results): StorageReport => ({ ...number, results: results === null ? null : [...results] }),
    perform: () => performTasks(environment, assignment),
  })
}

async function performTasks(
  environment: StorageEnvironment,
  { claim, lifetime, log }: ClaimedAssignment,
): Promise<readonly StorageResult[]> {
  const { tasks } = v.parse(StorageOrder, claim.order)
  await using store = await openStore(environment.STORAGE_TYPE, environment)
  const results = await runTasks(tasks, store, lifetime.stopping)
  for (const { task_id: task, problem } of results) {
    if (problem !== null) log.warn('stored files could not be removed or moved', { task_id: task, problem })
  }
  log.info('stored files removed or moved', { tasks: results.length })
  return results
}
