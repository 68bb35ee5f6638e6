import * as v from 'valibot'

import { LaunchRefused, LauncherUnavailable } from '../../ports/launcher.ts'

/** A response of the API server, read to its end. */
export type ApiResponse = {
  readonly status: number
  /** The server's clock (`Date` header), in ms since 1970; the local clock where the header is missing. */
  readonly serverTimeMs: number
  /** The `Retry-After` header, in ms. */
  readonly retryAfterMs: number | null
  readonly body: string
}

/** The body of an error response: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/ */
const Status = v.object({ reason: v.optional(v.string()), message: v.optional(v.string()) })

/** Client errors that pass: a new token cures 401, the end of a concurrent change cures 409. */
const RETRYABLE_STATUSES = new Set([401, 408, 409, 410, 429])

const MAX_MESSAGE_CHARS = 1000

/** Returns whether a call succeeded. */
export function isSuccess({ status }: ApiResponse): boolean {
  return status >= 200 && status < 300
}

/** Converts an error response: `LaunchRefused` where the server would repeat it, `LauncherUnavailable` otherwise. */
export function toLauncherError(response: ApiResponse): LaunchRefused | LauncherUnavailable {
  const message = `the API server answered ${response.status}: ${readMessage(response)}`
  const isRefusal = response.status >= 400 && response.status < 500 && !RETRYABLE_STATUSES.has(response.status)
  return isRefusal
    ? new LaunchRefused(refusalReason(response), message)
    : new LauncherUnavailable(message, response.retryAfterMs)
}

/** Returns the machine-readable reason of an error response, `AlreadyExists` or `NotFound`; empty where it has none. */
export function readReason({ body }: ApiResponse): string {
  return parseStatus(body).reason ?? ''
}

function refusalReason(response: ApiResponse): string {
  const message = readMessage(response)
  if (/exceeded quota/.test(message)) return 'ExceededQuota'
  if (/violates PodSecurity/.test(message)) return 'PodSecurity'
  return readReason(response) || (response.status === 403 ? 'Forbidden' : 'Refused')
}

/** Returns the message of an error response, or its text where that is no `Status`: a proxy may answer in HTML. */
function readMessage({ body }: ApiResponse): string {
  return (parseStatus(body).message ?? body).slice(0, MAX_MESSAGE_CHARS)
}

function parseStatus(body: string): v.InferOutput<typeof Status> {
  try {
    return v.parse(Status, JSON.parse(body))
  } catch {
    return {}
  }
}
