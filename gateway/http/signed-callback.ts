import type { Context, MiddlewareHandler } from 'hono'

import { POLICY_HEADER } from '../../shared/contract/assignment.ts'
import {
  deriveWorkerToken,
  judgeSignatureHeaders,
  verifyCallback,
  type SignatureVerdict,
} from '../../shared/net/signing.ts'
import { BrokenRule, KERNEL_ERRORS } from '../errors.ts'
import type { Settings } from '../settings/settings.ts'
import { workerPolicyOf } from '../settings/worker-policy.ts'
import { readBody } from './body-limit.ts'

/** A kind of worker whose callbacks are verified. */
export type CallbackKind = {
  readonly kind: string
  /** Each worker of an assignment has a token of its own, which depends on its name (`X-Worker-Id`). */
  readonly hasTokenPerWorker?: boolean
}

/**
 * Refuses callbacks that are not signed with the token of the assignment in the path (`:id`): 401 UNAUTHORIZED, or
 * CLOCK_SKEW with the server's time. A body is read only once `X-Worker-Id` and the headers of the signature are plausible.
 * The answers carry what this gateway allows to workers.
 */
export function requireWorker(
  settings: Pick<Settings, 'keys' | 'allowPrivateNetworks' | 'allowAnySite'>,
  { kind, hasTokenPerWorker = false }: CallbackKind,
): MiddlewareHandler {
  const policy = JSON.stringify(workerPolicyOf(settings))
  return async (c, next) => {
    const signed = signatureOf(c)
    requireValid(isWorkerName(workerNameOf(c)) ? judgeSignatureHeaders(signed, Date.now()) : 'unsigned')
    const worker = hasTokenPerWorker ? workerNameOf(c) : undefined
    const token = deriveWorkerToken(settings.keys.INTERNAL_API_KEY, kind, c.req.param('id') ?? '', worker)
    const callback = { method: c.req.method, path: c.req.path, body: await readBody(c) }
    requireValid(verifyCallback(token, callback, signed, Date.now()))
    await next()
    // Not by `c.header`: it copies an answer that exists.
    c.res.headers.set(POLICY_HEADER, policy)
  }
}

function requireValid(verdict: SignatureVerdict | null): void {
  if (verdict === 'clock_skew') {
    const details = { server_time: Date.now() / 1000 }
    throw new BrokenRule(KERNEL_ERRORS.CLOCK_SKEW, 'X-Timestamp is more than 300 s off server_time', { details })
  }
  if (verdict !== null && verdict !== 'valid') {
    throw new BrokenRule(KERNEL_ERRORS.UNAUTHORIZED, 'this route is for the worker of this assignment')
  }
}

/** Longest name of a Pod (RFC 1123 §2.1). */
const MAX_NAME_CHARS = 253

function isWorkerName(name: string): boolean {
  return name !== '' && name.length <= MAX_NAME_CHARS
}

/** Returns the name that the calling worker states. */
export function workerNameOf(c: Context): string {
  return c.req.header('x-worker-id') ?? ''
}

/** Returns the headers of a request's signature. */
export function signatureOf(c: Context): { timestamp: string | undefined; signature: string | undefined } {
  return { timestamp: c.req.header('x-timestamp'), signature: c.req.header('x-signature-256') }
}
