import * as v from 'valibot'

import { LaunchRefused, LauncherUnavailable } from '../../workers/launcher.ts'

/** An answer of the API server, read to its end. */
export type ApiAnswer = {
  readonly status: number
  /** The server's clock, in ms since 1970; ours where it does not tell. */
  readonly dateMs: number
  readonly retryAfterMs: number | null
  readonly text: string
}

/** The body of an answer that is no success. */
const Status = v.object({ reason: v.optional(v.string()), message: v.optional(v.string()) })

/** What is worth trying again as it stands: who we are may be settled by a new token, a conflict by its other party. */
const PASSING = new Set([401, 408, 409, 410, 429])

const MAX_MESSAGE_CHARS = 1000

/** What an answer that is no success means to whoever launches. */
export function failureOf(answer: ApiAnswer): LaunchRefused | LauncherUnavailable {
  const message = `the API server answered ${answer.status}: ${messageOf(answer)}`
  const isRefusal = answer.status >= 400 && answer.status < 500 && !PASSING.has(answer.status)
  return isRefusal
    ? new LaunchRefused(refusalReason(answer), message)
    : new LauncherUnavailable(message, answer.retryAfterMs)
}

/** The machine-readable word of an answer that is no success: `AlreadyExists`, `NotFound`; empty where it has none. */
export function reasonOf({ text }: ApiAnswer): string {
  return statusOf(text).reason ?? ''
}

function refusalReason(answer: ApiAnswer): string {
  const message = messageOf(answer)
  if (/exceeded quota/.test(message)) return 'ExceededQuota'
  if (/violates PodSecurity/.test(message)) return 'PodSecurity'
  return reasonOf(answer) || (answer.status === 403 ? 'Forbidden' : 'Refused')
}

/** What stands before the API server (a proxy, say) may answer in HTML. */
function messageOf({ text }: ApiAnswer): string {
  return (statusOf(text).message ?? text).slice(0, MAX_MESSAGE_CHARS)
}

function statusOf(text: string): v.InferOutput<typeof Status> {
  try {
    return v.parse(Status, JSON.parse(text))
  } catch {
    return {}
  }
}
