import type { Context as HonoContext } from 'hono'

import { BrokenRule, invalidField, KERNEL_ERRORS } from '../errors.ts'
import type { Tx } from '../ports/database.ts'
import { reserveKey, storeAnswer } from './store/idempotency-keys.ts'

/** A stored answer, repeated word for word. */
export type StoredAnswer = { readonly status: 201 | 202; readonly body: string }

/** A call that carries an `Idempotency-Key`. */
export type IdempotentCall = { readonly scope: string; readonly key: string; readonly requestHash: string }

const KEY_FORM = /^[\x21-\x7e]{1,255}$/

/**
 * Returns the call's Idempotency-Key with its route and a hash of its body; `null` where it carries none.
 * @throws BrokenRule INVALID_CONFIG where the key is not 1 to 255 visible ASCII characters
 */
export async function readIdempotentCall(c: HonoContext, scope: string): Promise<IdempotentCall | null> {
  const key = c.req.header('idempotency-key')
  c.set(REPEATABLE, key !== undefined)
  if (key === undefined) return null
  if (!KEY_FORM.test(key)) throw invalidField('Idempotency-Key', 'must be 1 to 255 visible ASCII characters')
  return { scope, key, requestHash: await hash(await c.req.text()) }
}

/** The key under which a request keeps whether it can be repeated safely; unset where it creates nothing. */
const REPEATABLE = 'isRepeatable'

/** Returns what a client should do about a creation that failed with an unknown outcome; `null` for other requests. */
export function repeatAdvice(c: HonoContext): string | null {
  const isRepeatable: boolean | undefined = c.get(REPEATABLE)
  if (isRepeatable === undefined) return null
  return isRepeatable
    ? 'the record may have been created: repeat the call with the same Idempotency-Key'
    : 'the record may have been created: look for it before you repeat the call, and send an Idempotency-Key'
}

async function hash(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
  return btoa(String.fromCharCode(...new Uint8Array(digest)))
}

/**
 * Runs `work` at most once per key, in the caller's transaction: a repeated call gets the first answer, a simultaneous one
 * waits for it. A call that failed stored nothing, so its key is free again.
 * @throws BrokenRule IDEMPOTENCY_KEY_REUSED where the key came with another body before
 */
export async function answerOnce(
  tx: Tx,
  call: IdempotentCall | null,
  work: () => Promise<StoredAnswer>,
): Promise<StoredAnswer> {
  if (call === null) return work()
  const stored = await reserveKey(tx, call)
  if (stored !== null) {
    if (stored.requestHash === call.requestHash) return { status: stored.status === 202 ? 202 : 201, body: stored.body }
    throw new BrokenRule(KERNEL_ERRORS.IDEMPOTENCY_KEY_REUSED, 'this Idempotency-Key came with another body before')
  }
  const answer = await work()
  await storeAnswer(tx, call, answer)
  return answer
}
