import { jobs } from './jobs/index.ts'
import { monitors } from './monitors/index.ts'
import { live } from './live/index.ts'
import type { System } from './system.ts'

/** The systems of this gateway: the one list. */
export const systems: readonly System[] = [monitors, jobs, live]
