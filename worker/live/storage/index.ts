import * as v from 'valibot'

import { HEARTBEAT_INTERVAL_MS } from '../../../shared/contract/assignment.ts'
import { StorageOrder, type StorageReport, type StorageResult } from '../../../shared/contract/live-files.ts'
import { readEnvironment } from '../../environment.ts'
import type { ClaimedAssignment, PreparedWorker, WorkerOutcome } from '../../kind.ts'
import { createReportQueue } from '../../platform/report-queue.ts'
import { openStore } from '../../stores/open-store.ts'
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

async function runStorage(environment: StorageEnvironment, assignment: ClaimedAssignment): Promise<WorkerOutcome> {
  const { claim, callGateway, lifetime, log } = assignment
  const path = `/internal/v1/storage/${environment.STORAGE_ID}/status`
  const reports = createReportQueue<readonly StorageResult[] | null>({
    epoch: claim.epoch,
    heartbeatIntervalMs: HEARTBEAT_INTERVAL_MS,
    initialSnapshot: null,
    compose: (number, results): StorageReport => ({ ...number, results: results === null ? null : [...results] }),
    send: (body, signal) => callGateway({ method: 'PUT', path, body }, signal),
    log,
    signal: lifetime.killed,
  })
  const done = reports.done.then((ended) => {
    // The tasks are another worker's now: this one stops at once.
    if (ended.kind === 'refused') lifetime.kill()
    return ended
  })
  const { tasks } = v.parse(StorageOrder, claim.order)
  await using store = await openStore(environment.STORAGE_TYPE, environment)
  const results = await runTasks(tasks, store, lifetime.stopping)
  for (const { task_id: task, problem } of results) {
    if (problem !== null) log.warn('stored files could not be removed or moved', { task_id: task, problem })
  }
  log.info('stored files removed or moved', { tasks: results.length })
  reports.enqueue(results, 'now')
  reports.close()
  const ended = await done
  return ended.kind === 'closed' ? { kind: 'finished' } : ended
}
