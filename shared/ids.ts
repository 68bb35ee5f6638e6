import { v7 as uuidv7 } from 'uuid'

/** A new monitor id: `mon-` and a UUIDv7 with hyphens, so that ids sort by age. */
export function newMonitorId(): string {
  return `mon-${uuidv7()}`
}

/** A new job id: `job-` and a UUIDv7 with hyphens. */
export function newJobId(): string {
  return `job-${uuidv7()}`
}

/** A new id of a part of a job: `task-` and a UUIDv7 with hyphens. */
export function newTaskId(): string {
  return `task-${uuidv7()}`
}

/** A new event id: `evt-` and a UUIDv7 with hyphens. */
export function newEventId(): string {
  return `evt-${uuidv7()}`
}

const UUID_V7 = '[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}'

/** What a monitor id looks like; anything else cannot exist and is not looked up. */
export const MONITOR_ID = new RegExp(`^mon-${UUID_V7}$`)

/** What a job id looks like. */
export const JOB_ID = new RegExp(`^job-${UUID_V7}$`)

/** What an event id looks like. */
export const EVENT_ID = new RegExp(`^evt-${UUID_V7}$`)
