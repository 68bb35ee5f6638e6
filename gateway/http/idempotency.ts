import type { Context as HonoContext } from 'hono'

import type { Tx } from '../context.ts'
import { BrokenRule } from '../errors.ts'
import { keepAnswer, reserveKey } from './store.ts'

/** An answer as it is kept: given again word for word. */
export type KeptAnswer = { readonly status: 201 | 202; readonly body: string }

/** A call that carries an `Idempotency-Key`. */
export type IdempotentCall = { readonly scope: string; readonly key: string; readonly requestHash: string }

const KEY_FORM = /^[\x21-\x7e]{1,255}$/

/**
 * The call's Idempotency-Key with what tells it from others: the route, and a hash of the body; `null` where it carries
 * none.
 * @throws BrokenRule where the key is not 1 to 255 visible ASCII characters
 */
export async function idempotentCall(c: HonoContext, scope: string): Promise<IdempotentCall | null> {
  const key = c.req.header('idempotency-key')
  if (key === undefined) return null
  if (!KEY_FORM.test(key)) {
    const problem = { field: 'Idempotency-Key', message: 'must be 1 to 255 visible ASCII characters' }
    throw new BrokenRule('INVALID_CONFIG', `${problem.field} ${problem.message}`, { details: [problem] })
  }
  return { scope, key, requestHash: await hash(await c.req.text()) }
}

async function hash(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
  return btoa(String.fromCharCode(...new Uint8Array(digest)))
}

/**
 * Runs `work` at most once per key, inside the caller's transaction: a repeated call gets the first one's answer, a
 * simultaneous one waits for it. A call that failed left nothing, so its key is free again.
 * @throws BrokenRule IDEMPOTENCY_KEY_REUSED where the key came with another body before
 */
export async function answerOnce(
  tx: Tx,
  call: IdempotentCall | null,
  work: () => Promise<KeptAnswer>,
): Promise<KeptAnswer> {
  if (call === null) return work()
  const kept = await reserveKey(tx, call)
  if (kept !== null) {
    if (kept.requestHash === call.requestHash) return { status: kept.status === 202 ? 202 : 201, body: kept.body }
    throw new BrokenRule('IDEMPOTENCY_KEY_REUSED', 'this Idempotency-Key came with another body before')
  }
  const answer = await work()
  await keepAnswer(tx, call, answer)
  return answer
}
