import * as v from 'valibot'

import { Claim, type ClaimRequest } from '../../shared/contract/assignment.ts'
import type { NextTask } from '../../shared/contract/jobs.ts'
import { readEnvironment } from '../environment.ts'
import type { Assignment, Outcome, Worker } from '../kind.ts'
import { limitMemory } from '../platform/memory-limit.ts'
import { JobEnvironment } from './environment.ts'
import { runTask, type Host } from './task.ts'

/** The worker that encodes: one task of a job, and more of them where the gateway gives it more. */
export function encodeWorker(env: NodeJS.ProcessEnv): Worker {
  const environment = readEnvironment(JobEnvironment, env)
  return {
    environment,
    path: pathOf(environment.JOB_ID),
    logFields: { task_id: environment.JOB_ID },
    run: (assignment) => runTasks(environment, assignment),
  }
}

/** A task's path on the gateway. */
function pathOf(taskId: string): string {
  return `/internal/v1/jobs/${taskId}`
}

/**
 * Works on the first task, and on each that an answer to a report gives, side by side; ends when none is left, with what
 * came of the first.
 */
async function runTasks(environment: JobEnvironment, assignment: Assignment): Promise<Outcome> {
  const { lifetime, log } = assignment
  const running = new Map<string, Promise<Outcome>>()
  const host: Host = {
    environment,
    room: (taskId, isLast) => {
      if (lifetime.stopping.aborted) return 0
      if (isLast) return 1
      // One task speaks for all, so that no place is given twice.
      const [speaker] = running.keys()
      return taskId === speaker ? Math.max(0, environment.MAX_CONCURRENT_JOBS - running.size) : 0
    },
    take: (next) => {
      for (const task of next)
        if (!running.has(task.task_id)) void begin(task.task_id, () => runNext(host, task, assignment))
    },
  }
  function begin(id: string, run: () => Promise<Outcome>): Promise<Outcome> {
    const ended = run().finally(() => running.delete(id))
    running.set(id, ended)
    return ended
  }

  if (!(await limitMemory(lifetime.stopping))) log.debug('memory is not limited: there is no prlimit')
  const { JOB_ID: id } = environment
  const first = begin(id, () => runTask(host, { id, path: pathOf(id) }, assignment))
  while (running.size > 0) await Promise.race(running.values())
  return first
}

/** Does a task that the gateway gave, and claims it first where that is yet to be done; what came of it is for the log. */
async function runNext(host: Host, next: NextTask, assignment: Assignment): Promise<Outcome> {
  const { task_id: id, token, claim, traceparent } = next
  const log = assignment.log.with({ task_id: id })
  const path = pathOf(id)
  const callGateway = assignment.callGatewayAs(token, traceparent)
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
  if (outcome.kind === 'refused') log.warn('gateway refused', { status: outcome.status, code: outcome.code })
  return outcome
}
