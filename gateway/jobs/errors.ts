import { defineErrors } from '../errors.ts'

/** The error codes of jobs. */
export const JOB_ERRORS = defineErrors({
  FORBIDDEN_URL: 400,
  UNKNOWN_PRESET: 400,
  INVALID_OUTPUT: 400,
  JOB_NOT_FOUND: 404,
  QUEUE_FULL: 503,
})
