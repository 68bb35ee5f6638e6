import { defineErrors } from '../errors.ts'

/** The error codes of monitors. */
export const MONITOR_ERRORS = defineErrors({
  MONITOR_NOT_FOUND: 404,
  EVENT_NOT_FOUND: 404,
  DUPLICATE_MONITOR: 409,
  MAX_MONITORS_EXCEEDED: 429,
})
