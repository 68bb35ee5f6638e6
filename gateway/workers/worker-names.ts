import type { LaunchedWorker } from '../ports/launcher.ts'
import type { LaunchedAssignment } from './store/launched-assignments.ts'
import type { WorkerKind } from './worker-kind.ts'

/** Returns the name of the worker that works on an assignment: a reused worker, or the one of its own launch. */
export function assignedWorkerName(kind: WorkerKind, assignment: LaunchedAssignment): string {
  return assignment.host ?? kind.nameOf(assignment)
}

/** Returns which of its assignment's launches a worker belongs to; `null`: none, it only carries the labels. */
export function findLaunchNumber(kind: WorkerKind, worker: LaunchedWorker, launches: number): number | null {
  const id = worker.assignmentId
  for (let launch = launches; launch > 0; launch--) if (kind.nameOf({ id, launch }) === worker.name) return launch
  return null
}
