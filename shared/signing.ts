/**
 * Signatures of webhooks and of the workers' callbacks: HMAC-SHA256, by a library that runs on every runtime and, for
 * texts this short, beats WebCrypto's way through another thread.
 */

import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'

/** How far a timestamp may be off before a signed message is refused, in seconds. */
const MAX_SKEW_SEC = 300

/** HMAC-SHA256 of a text under a text key. */
function mac(key: string, message: string): Uint8Array {
  return hmac(sha256, utf8ToBytes(key), utf8ToBytes(message))
}

/** Compares two texts in a time that depends on their lengths only. */
export function equalInConstantTime(a: string, b: string): boolean {
  const left = utf8ToBytes(a)
  const right = utf8ToBytes(b)
  if (left.length !== right.length) return false
  let difference = 0
  for (const [i, byte] of left.entries()) difference |= byte ^ (right[i] ?? 0)
  return difference === 0
}

/** `X-Signature-256` of a webhook: `sha256=` and the hex HMAC of `{timestamp}.{body}`. */
function signWebhook(key: string, timestamp: string, body: string): string {
  return `sha256=${bytesToHex(mac(key, `${timestamp}.${body}`))}`
}

/**
 * The headers that sign one attempt to deliver a webhook: ours, and those of Standard Webhooks 1.0
 * (`webhook-signature: v1,` and the base64 HMAC of `{id}.{timestamp}.{body}`), under the same key.
 */
export function webhookHeaders(key: string, eventId: string, body: string, nowMs: number): Record<string, string> {
  const timestamp = String(Math.floor(nowMs / 1000))
  const standard = mac(key, `${eventId}.${timestamp}.${body}`)
  return {
    'content-type': 'application/json',
    'x-timestamp': timestamp,
    'x-signature-256': signWebhook(key, timestamp, body),
    'webhook-id': eventId,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${btoa(String.fromCharCode(...standard))}`,
  }
}

export type SignedMessage = {
  readonly timestamp: string | null | undefined
  readonly signature: string | null | undefined
  readonly body: string
}
export type Verdict = 'valid' | 'unsigned' | 'bad_signature' | 'clock_skew'

/**
 * Whether a webhook is Tallylight's and fresh, for receivers: pass the values of `X-Timestamp` and `X-Signature-256`
 * and the raw body. Compared in constant time; a timestamp more than five minutes off is `clock_skew`.
 */
export function verifyWebhook(key: string, message: SignedMessage, nowMs: number): Verdict {
  return judge(message, nowMs, (timestamp) => signWebhook(key, timestamp, message.body))
}

/**
 * The key of one worker, derived from the internal key and its assignment: it opens that assignment and nothing else.
 * Where each attempt has a name of its own, `worker`, it has a key of its own too, which goes with that name alone.
 */
export function deriveWorkerToken(internalKey: string, kind: string, assignmentId: string, worker?: string): string {
  const whose = worker === undefined ? assignmentId : `${assignmentId}/${worker}`
  return bytesToHex(mac(internalKey, `worker-token/v1/${kind}/${whose}`))
}

/** One callback of a worker, as it is signed: route and body, so that a signature fits no other call. */
export type Callback = { readonly method: string; readonly path: string; readonly body: string }

/** `X-Signature-256` of a worker's callback at a time in unix seconds. */
export function signCallback(token: string, timestamp: string, callback: Callback): string {
  return `sha256=${bytesToHex(mac(token, `${timestamp}.${callback.method} ${callback.path}.${callback.body}`))}`
}

/** Whether a callback was signed by the worker that holds `token`, within five minutes of now. */
export function verifyCallback(token: string, callback: Callback, signed: Signed, nowMs: number): Verdict {
  return judge(signed, nowMs, (timestamp) => signCallback(token, timestamp, callback))
}

type Signed = Omit<SignedMessage, 'body'>

/** The signature first: only who can sign learns that a clock is off. */
function judge({ timestamp, signature }: Signed, nowMs: number, sign: (timestamp: string) => string): Verdict {
  if (!timestamp || !signature) return 'unsigned'
  if (!equalInConstantTime(sign(timestamp), signature)) return 'bad_signature'
  return Math.abs(nowMs / 1000 - Number(timestamp)) <= MAX_SKEW_SEC ? 'valid' : 'clock_skew'
}
