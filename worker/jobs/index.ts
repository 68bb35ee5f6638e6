import * as v from 'valibot'

import { Claim, type ClaimRequest } from '../../shared/contract/assignment.ts'
import type { NextTask } from '../../shared/contract/jobs.ts'
import { readEnvironment } from '../environment.ts'
import type { ClaimedAssignment, PreparedWorker, WorkerOutcome } from '../kind.ts'
import { JobEnvironment } from './environment.ts'
import { runTask, type TaskHost } from './run-task.ts'

/**
 * Prepares a worker that encodes: it runs the task that it was launched for, and further tasks that the gateway assigns.
 * @throws EnvironmentError
 */
export function prepareEncodeWorker(env: NodeJS.ProcessEnv): PreparedWorker {
  const environment = readEnvironment(JobEnvironment, env)
  return {
    environment,
    assignmentPath: taskPath(environment.JOB_ID),
    logFields: { task_id: environment.JOB_ID },
    run: (assignment) => runTasks(environment, assignment),
  }
}

/** Returns the path of a task's endpoints on the gateway. */
function taskPath(taskId: string): string {
  return `/internal/v1/jobs/${taskId}`
}

/**
 * Runs the first task and, concurrently, every task that the gateway assigns in its answers to reports.
 * Resolves when no task is left, with the outcome of the first.
 */
async function runTasks(environment: JobEnvironment, assignment: ClaimedAssignment): Promise<WorkerOutcome> {
  const { lifetime } = assignment
  const running = new Map<string, Promise<WorkerOutcome>>()
  const host: TaskHost = {
    environment,
    freeCapacity: (taskId, isLastReport) => {
      if (lifetime.stopping.aborted) return 0
      if (isLastReport) return 1
      // Only one task reports the free capacity; otherwise the gateway would count it several times.
      const [reporter] = running.keys()
      return taskId === reporter ? Math.max(0, environment.MAX_CONCURRENT_JOBS - running.size) : 0
    },
    startTasks: (next) => {
      for (const task of next)
        if (!running.has(task.task_id)) void start(task.task_id, () => runNextTask(host, task, assignment))
    },
  }
  function start(id: string, run: () => Promise<WorkerOutcome>): Promise<WorkerOutcome> {
    const outcome = run().finally(() => running.delete(id))
    running.set(id, outcome)
    return outcome
  }

  const { JOB_ID: id } = environment
  const first = start(id, () => runTask(host, { id, path: taskPath(id) }, assignment))
  while (running.size > 0) await Promise.race(running.values())
  return first
}

/** Runs a further task, after claiming it where the gateway has not sent the claim along, and logs a refusal. */
async function runNextTask(host: TaskHost, next: NextTask, assignment: ClaimedAssignment): Promise<WorkerOutcome> {
  const { task_id: id, token, claim, traceparent } = next
  const log = assignment.log.with({ task_id: id })
  const path = taskPath(id)
  const callGateway = assignment.createGatewayCaller(token, traceparent)
  const request: ClaimRequest = { claimant: assignment.claimant }
  const callback = { method: 'POST', path: `${path}/claim`, body: JSON.stringify(request) }
  const claimed =
    claim === undefined
      ? await callGateway(callback, assignment.lifetime.stopping)
      : ({ kind: 'accepted', body: claim } as const)
  const outcome =
    claimed.kind === 'accepted'
      ? await runTask(host, { id, path }, { ...assignment, callGateway, log, claim: v.parse(Claim, claimed.body) })
      : claimed
  if (outcome.kind === 'refused') log.warn('gateway refused the call', { status: outcome.status, code: outcome.code })
  return outcome
}
