import { ApiError, toStatus } from './errors.ts'
import { jsonResponse, textResponse, type ApiResponse } from './response.ts'

/** The calls that fail. `method` may be WATCH; `path` is matched with its query. */
export type CallMatch = {
  readonly method?: string
  readonly path?: string | RegExp
  /** The number of calls; without it all until the faults are cleared. */
  readonly times?: number
}

/** How a call fails: by a status, without any response, or by a break in the middle of the regular response. */
export type CallFault = StatusFault | 'hang' | 'cut'

type StatusFault = { readonly status: 403 | 409 | 410 | 429 | 500 | 503; readonly retryAfterSec?: number }

export type CallFailure =
  | { readonly kind: 'response'; readonly response: ApiResponse }
  | { readonly kind: 'hang' }
  | { readonly kind: 'cut' }

export type CallFaults = {
  add(match: CallMatch, fault: CallFault): void
  clear(): void
  /** Returns how a call fails and counts it; null if it does not fail. */
  takeFailure(method: string, path: string): CallFailure | null
}

/** Creates a list of call faults, in which the first match applies. */
export function createCallFaults(): CallFaults {
  let faults: { match: CallMatch; failure: CallFailure; left: number }[] = []
  return {
    add(match, fault) {
      const failure =
        typeof fault === 'string' ? { kind: fault } : { kind: 'response' as const, response: buildResponse(fault) }
      faults.push({ match, failure, left: match.times ?? Number.POSITIVE_INFINITY })
    },
    clear() {
      faults = []
    },
    takeFailure(method, path) {
      const found = faults.find(({ match, left }) => left > 0 && isMatch(match, method, path))
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

/** Builds an error response as the API server does. An overloaded server answers in plain text, without a `Status`. */
function buildResponse({ status, retryAfterSec }: StatusFault): ApiResponse {
  if (status === 429) {
    return { ...textResponse('Too many requests, please try again later.\n', 429), retryAfterSec: retryAfterSec ?? 1 }
  }
  const response = jsonResponse(toStatus(new ApiError({ code: status, ...STATUS_BODIES[status] })), status)
  return retryAfterSec === undefined ? response : { ...response, retryAfterSec }
}

const STATUS_BODIES = {
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
