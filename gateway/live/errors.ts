import { defineErrors } from '../errors.ts'

/** The error codes of live. */
export const LIVE_ERRORS = defineErrors({
  LOGIN_FAILED: 401,
  PASSWORD_WRONG: 403,
  REGISTRATION_CLOSED: 403,
  INVITATION_INVALID: 403,
  USER_NOT_FOUND: 404,
  SESSION_NOT_FOUND: 404,
  USERNAME_TAKEN: 409,
  EMAIL_TAKEN: 409,
  LAST_ADMIN: 409,
  LOGIN_LIMITED: 429,
})
