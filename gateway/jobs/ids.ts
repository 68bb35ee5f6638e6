import { idPattern, newId } from '../../shared/ids.ts'

/** Pattern of a job id. Other text cannot name a job and is not looked up. */
export const JOB_ID = idPattern('job')

/** Returns a new job id: `job-` and a UUIDv7. */
export function newJobId(): string {
  return newId('job')
}

/** Returns a new task id: `task-` and a UUIDv7. */
export function newTaskId(): string {
  return newId('task')
}
