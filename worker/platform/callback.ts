import ky from 'ky'
import * as v from 'valibot'

import { Refusal } from '../../shared/contract/assignment.ts'
import type { Log } from '../../shared/log.ts'
import { signCallback, type Callback } from '../../shared/signing.ts'
import { childOf, writeTraceparent, type Trace } from '../../shared/trace.ts'
import { backoffMs } from './backoff.ts'
import { pause } from './bell.ts'
import type { SettableClock } from './clock.ts'

/** What came of a call to the gateway. `refused`: it said no, and would say no again. */
export type CallResult =
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
 * Calls the gateway with the same bytes until it answers for good: network trouble, 429 and 5xx are tried again until
 * the signal aborts.
 */
export type CallGateway = (callback: Callback, signal: AbortSignal) => Promise<CallResult>

export type GatewayAccess = {
  /** The gateway's internal base URL, without a slash at its end. */
  readonly gatewayUrl: string
  /** `X-Worker-Id`. */
  readonly workerName: string
  readonly token: string
  /** What this worker was launched for, where that is known. */
  readonly trace?: Trace | null
  readonly clock: SettableClock
  readonly log: Log
}

/** A call that takes longer, its answer's body included, has failed. */
const CALL_TIMEOUT_MS = 10_000
const RETRY = { firstMs: 250, maxMs: 5000 }

export function createCallGateway(access: GatewayAccess): CallGateway {
  return async (callback, signal) => {
    let failures = 0
    let isCorrected = false
    while (!signal.aborted) {
      const answer = await attempt(access, callback, signal)
      if (answer.kind === 'skewed' && !isCorrected) {
        isCorrected = true
        access.clock.correct(answer.serverTimeSec)
        access.log.warn('clock set by the gateway', { path: callback.path })
        continue
      }
      if (answer.kind === 'skewed') return refused(401, 'CLOCK_SKEW', 'refused again after the clock was set')
      if (answer.kind !== 'failed') return reached(access.log, answer, failures)
      failures++
      if (failures === 1)
        access.log.warn('gateway not reached, trying on', { path: callback.path, error: answer.error })
      await pause(backoffMs(failures, RETRY), signal)
    }
    return { kind: 'aborted' }
  }
}

function reached(log: Log, answer: CallResult, failures: number): CallResult {
  if (failures > 0) log.info('gateway reached again', { failures })
  return answer
}

type Attempt =
  | CallResult
  | { readonly kind: 'failed'; readonly error: string }
  | { readonly kind: 'skewed'; readonly serverTimeSec: number }

async function attempt(access: GatewayAccess, callback: Callback, signal: AbortSignal): Promise<Attempt> {
  // A controller of its own for each call: nothing stays tied to a signal that lives as long as the worker.
  const call = new AbortController()
  const abort = () => call.abort()
  const deadline = setTimeout(abort, CALL_TIMEOUT_MS)
  signal.addEventListener('abort', abort)
  try {
    const answer = await send(access, callback, call.signal)
    return judge(answer.status, answer.text)
  } catch (error) {
    if (signal.aborted) return { kind: 'aborted' }
    return { kind: 'failed', error: call.signal.aborted ? 'timed out' : messageOf(error) }
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
      ...(access.trace ? { traceparent: writeTraceparent(childOf(access.trace)) } : {}),
    },
    redirect: 'manual',
    retry: 0,
    throwHttpErrors: false,
    timeout: false,
    signal,
  })
  return { status: response.status, text: await response.text() }
}

const SkewDetails = v.object({ server_time: v.number() })
const Json = v.pipe(v.string(), v.parseJson())
const RefusalText = v.pipe(Json, Refusal)

function judge(status: number, text: string): Attempt {
  if (status >= 500 || status === 429) return { kind: 'failed', error: `HTTP ${status}` }
  if (status >= 200 && status < 300) return accepted(text)
  const refusal = v.safeParse(RefusalText, text)
  if (!refusal.success) return refused(status, `HTTP_${status}`, 'refused without a reason')
  const { code, message, details } = refusal.output.error
  if (code === 'CLOCK_SKEW' && v.is(SkewDetails, details)) return { kind: 'skewed', serverTimeSec: details.server_time }
  return { ...refused(status, code, message), details }
}

/** An answer that is no JSON comes from something that stands before the gateway, not from itself. */
function accepted(text: string): Attempt {
  const body = v.safeParse(Json, text)
  return body.success ? { kind: 'accepted', body: body.output } : { kind: 'failed', error: 'the answer is no JSON' }
}

function refused(status: number, code: string, message: string) {
  return { kind: 'refused', status, code, message } as const
}

/** fetch says no more than "fetch failed"; the reason is in its cause. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? error.cause.message : error.message
}
