import { ApiError, statusOf } from './api-error.ts'
import { jsonAnswer, plainAnswer, type Answer } from './answer.ts'

/** Which calls are to fail: `method` may be WATCH, `path` is matched with its query. */
export type CallMatch = {
  readonly method?: string
  readonly path?: string | RegExp
  /** How many; without it until faults are cleared. */
  readonly times?: number
}

/** How: answered by a status, never answered, or broken off in the middle of the true answer's body. */
export type CallFault = StatusFault | 'hang' | 'cut'

type StatusFault = { readonly status: 403 | 409 | 410 | 429 | 500 | 503; readonly retryAfterSec?: number }

export type CallFailure =
  | { readonly kind: 'answer'; readonly answer: Answer }
  | { readonly kind: 'hang' }
  | { readonly kind: 'cut' }

export type CallFaults = {
  add(match: CallMatch, fault: CallFault): void
  clear(): void
  /** What is to become of a call; null where nothing is wrong with it. */
  take(method: string, path: string): CallFailure | null
}

export function createCallFaults(): CallFaults {
  let waiting: { match: CallMatch; failure: CallFailure; left: number }[] = []
  return {
    add(match, fault) {
      const failure = typeof fault === 'string' ? { kind: fault } : { kind: 'answer' as const, answer: answerOf(fault) }
      waiting.push({ match, failure, left: match.times ?? Number.POSITIVE_INFINITY })
    },
    clear() {
      waiting = []
    },
    take(method, path) {
      const found = waiting.find(({ match, left }) => left > 0 && isMatch(match, method, path))
      if (found === undefined) return null
      found.left -= 1
      return found.failure
    },
  }
}

function isMatch(match: CallMatch, method: string, path: string): boolean {
  if (match.method !== undefined && match.method !== method) return false
  if (match.path === undefined) return true
  return typeof match.path === 'string' ? path.includes(match.path) : match.path.test(path)
}

/** The API server's own words; where it is overloaded they are plain text, since nothing has looked at the call. */
function answerOf({ status, retryAfterSec }: StatusFault): Answer {
  if (status === 429) {
    return { ...plainAnswer('Too many requests, please try again later.\n', 429), retryAfterSec: retryAfterSec ?? 1 }
  }
  const answer = jsonAnswer(statusOf(new ApiError({ code: status, ...SAID[status] })), status)
  return retryAfterSec === undefined ? answer : { ...answer, retryAfterSec }
}

const SAID = {
  403: {
    reason: 'Forbidden',
    message: 'pods is forbidden: unable to create new content in namespace: it is being terminated',
  },
  409: {
    reason: 'Conflict',
    message:
      'Operation cannot be fulfilled on pods: the object has been modified; please apply your changes to the latest version and try again',
  },
  410: { reason: 'Expired', message: 'The resourceVersion for the provided list is too old.' },
  500: { reason: 'InternalError', message: 'Internal error occurred: etcdserver: leader changed' },
  503: { reason: 'ServiceUnavailable', message: 'apiserver not ready' },
} as const
