import ky from 'ky'
import * as v from 'valibot'

import { POLICY_HEADER, Refusal, WorkerPolicy } from '../../shared/contract/assignment.ts'
import type { Log } from '../../shared/log.ts'
import { signCallback, type Callback } from '../../shared/net/signing.ts'
import { formatTraceparent, startSpan, type Trace } from '../../shared/trace.ts'
import { computeBackoffMs } from './backoff.ts'
import { sleep } from './wake-signal.ts'
import type { SettableClock } from './clock.ts'

/** The result of a call to the gateway. `refused` is final: a repeated call would be refused too. */
export type GatewayCallResult =
  | { readonly kind: 'accepted'; readonly body: unknown }
  | {
      readonly kind: 'refused'
      readonly status: number
      readonly code: string
      readonly message: string
      readonly details?: unknown
    }
  | { readonly kind: 'aborted' }

/**
 * Calls the gateway, and repeats the call with the same bytes until it has a final response or the signal aborts.
 * Network errors, 408, 429 and 5xx are retried.
 */
export type GatewayCaller = (callback: Callback, signal: AbortSignal) => Promise<GatewayCallResult>

export type GatewayAccess = {
  /** The gateway's internal base URL, without a slash at its end. */
  readonly gatewayUrl: string
  /** `X-Worker-Id`. */
  readonly workerName: string
  readonly token: string
  /** The trace of the assignment, if known. */
  readonly trace?: Trace | null
  readonly clock: SettableClock
  /** Receives the policy of each accepted answer; a gateway of an older version states none. */
  readonly onPolicy?: (policy: WorkerPolicy) => void
  readonly log: Log
}

/** Deadline of one attempt, including the response body. */
const CALL_TIMEOUT_MS = 10_000
const RETRY = { firstMs: 250, maxMs: 5000 }

/** Creates a caller for one assignment. It sets the clock once per call where the gateway reports a clock skew. */
export function createGatewayCaller(access: GatewayAccess): GatewayCaller {
  return async (callback, signal) => {
    let failures = 0
    let isCorrected = false
    while (!signal.aborted) {
      const attempt = await attemptCall(access, callback, signal)
      if (attempt.kind === 'skewed' && !isCorrected) {
        isCorrected = true
        access.clock.correct(attempt.serverTimeSec)
        access.log.warn('clock corrected to gateway time', { path: callback.path })
        continue
      }
      if (attempt.kind === 'skewed') return refuse(401, 'CLOCK_SKEW', 'refused again after the clock was corrected')
      if (attempt.kind !== 'failed') {
        if (failures > 0) access.log.info('gateway reached again', { failures })
        return attempt
      }
      failures++
      if (failures === 1)
        access.log.warn('gateway unreachable, retrying', { path: callback.path, error: attempt.error })
      await sleep(computeBackoffMs(failures, RETRY), signal)
    }
    return { kind: 'aborted' }
  }
}

type CallAttempt =
  | GatewayCallResult
  | { readonly kind: 'failed'; readonly error: string }
  | { readonly kind: 'skewed'; readonly serverTimeSec: number }

async function attemptCall(access: GatewayAccess, callback: Callback, signal: AbortSignal): Promise<CallAttempt> {
  // Each attempt has its own controller, so that no listener stays on a signal that lives as long as the worker.
  const call = new AbortController()
  const abort = () => call.abort()
  const deadline = setTimeout(abort, CALL_TIMEOUT_MS)
  signal.addEventListener('abort', abort)
  try {
    const { status, text, policy } = await send(access, callback, call.signal)
    const attempt = interpretResponse(status, text)
    const stated = v.safeParse(PolicyText, policy)
    if (attempt.kind === 'accepted' && stated.success) access.onPolicy?.(stated.output)
    return attempt
  } catch (error) {
    if (signal.aborted) return { kind: 'aborted' }
    return { kind: 'failed', error: call.signal.aborted ? 'timed out' : describeFetchError(error) }
  } finally {
    clearTimeout(deadline)
    signal.removeEventListener('abort', abort)
  }
}

async function send(access: GatewayAccess, { method, path, body }: Callback, signal: AbortSignal) {
  const timestamp = (access.clock.nowMs() / 1000).toFixed(0)
  const response = await ky(`${access.gatewayUrl}${path}`, {
    method,
    body,
    headers: {
      'content-type': 'application/json',
      'x-worker-id': access.workerName,
      'x-timestamp': timestamp,
      'x-signature-256': signCallback(access.token, timestamp, { method, path, body }),
      ...(access.trace ? { traceparent: formatTraceparent(startSpan(access.trace)) } : {}),
    },
    redirect: 'manual',
    retry: 0,
    throwHttpErrors: false,
    timeout: false,
    signal,
  })
  return { status: response.status, text: await response.text(), policy: response.headers.get(POLICY_HEADER) }
}

const SkewDetails = v.object({ server_time: v.number() })
const Json = v.pipe(v.string(), v.parseJson())
const RefusalText = v.pipe(Json, Refusal)
const PolicyText = v.pipe(Json, WorkerPolicy)
/** Request Timeout, where the network stalled within a body; Too Many Requests. */
const RETRIED = new Set([408, 429])

function interpretResponse(status: number, text: string): CallAttempt {
  if (status >= 500 || RETRIED.has(status)) return { kind: 'failed', error: `HTTP ${status}` }
  if (status >= 200 && status < 300) return parseAccepted(text)
  const refusal = v.safeParse(RefusalText, text)
  if (!refusal.success) return refuse(status, `HTTP_${status}`, 'refused without a reason')
  const { code, message, details } = refusal.output.error
  if (code === 'CLOCK_SKEW' && v.is(SkewDetails, details)) return { kind: 'skewed', serverTimeSec: details.server_time }
  return { ...refuse(status, code, message), details }
}

/** Parses an accepted call's body. A body that is not JSON comes from a proxy before the gateway, and is a failure. */
function parseAccepted(text: string): CallAttempt {
  const body = v.safeParse(Json, text)
  return body.success ? { kind: 'accepted', body: body.output } : { kind: 'failed', error: 'the response is not JSON' }
}

function refuse(status: number, code: string, message: string) {
  return { kind: 'refused', status, code, message } as const
}

/** Returns the message of a fetch error's cause, because its own message is only "fetch failed". */
function describeFetchError(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? error.cause.message : error.message
}
