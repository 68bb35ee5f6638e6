/**
 * Signatures of webhooks and of the workers' callbacks: HMAC-SHA256 by WebCrypto, which every runtime has.
 */

const encoder = new TextEncoder()

/** How far a timestamp may be off before a signed message is refused, in seconds. */
export const MAX_SKEW_SEC = 300

/** HMAC-SHA256 of a text under a text key. */
async function hmac(key: string, message: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.sign('HMAC', await importKey(key), encoder.encode(message)))
}

type HmacKey = Awaited<ReturnType<typeof crypto.subtle.importKey>>
const importedKeys = new Map<string, Promise<HmacKey>>()
const KEPT_KEYS = 256

/** Importing costs more than signing a short text, and the same few keys come again and again. */
function importKey(key: string): Promise<HmacKey> {
  const known = importedKeys.get(key)
  if (known !== undefined) return known
  const imported = crypto.subtle.importKey('raw', encoder.encode(key), { name: 'HMAC', hash: 'SHA-256' }, false, [
    'sign',
  ])
  if (importedKeys.size >= KEPT_KEYS) importedKeys.clear()
  importedKeys.set(key, imported)
  return imported
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** Compares two texts in a time that depends on their lengths only. */
export function equalInConstantTime(a: string, b: string): boolean {
  const left = encoder.encode(a)
  const right = encoder.encode(b)
  let difference = left.length ^ right.length
  for (let i = 0; i < left.length; i++) difference |= (left[i] ?? 0) ^ (right[i % (right.length || 1)] ?? 0)
  return difference === 0
}

/** `X-Signature-256` of a webhook: `sha256=` and the hex HMAC of `{timestamp}.{body}`. */
export async function signWebhook(key: string, timestamp: string, body: string): Promise<string> {
  return `sha256=${toHex(await hmac(key, `${timestamp}.${body}`))}`
}

/**
 * The headers that sign one attempt to deliver a webhook: ours, and those of Standard Webhooks 1.0
 * (`webhook-signature: v1,` and the base64 HMAC of `{id}.{timestamp}.{body}`), under the same key.
 */
export async function webhookHeaders(
  key: string,
  eventId: string,
  body: string,
  nowMs: number,
): Promise<Record<string, string>> {
  const timestamp = String(Math.floor(nowMs / 1000))
  const standard = await hmac(key, `${eventId}.${timestamp}.${body}`)
  return {
    'content-type': 'application/json',
    'x-timestamp': timestamp,
    'x-signature-256': await signWebhook(key, timestamp, body),
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
export async function verifyWebhook(key: string, message: SignedMessage, nowMs: number): Promise<Verdict> {
  const { timestamp, signature, body } = message
  if (!timestamp || !signature) return 'unsigned'
  if (!equalInConstantTime(await signWebhook(key, timestamp, body), signature)) return 'bad_signature'
  return isFresh(timestamp, nowMs) ? 'valid' : 'clock_skew'
}

function isFresh(timestamp: string, nowMs: number): boolean {
  return Math.abs(nowMs / 1000 - Number(timestamp)) <= MAX_SKEW_SEC
}

/** The key of one worker, derived from the internal key and its assignment: it opens that assignment and nothing else. */
export async function deriveWorkerToken(internalKey: string, kind: string, assignmentId: string): Promise<string> {
  return toHex(await hmac(internalKey, `worker-token/v1/${kind}/${assignmentId}`))
}

/** One callback of a worker, as it is signed: route and body, so that a signature fits no other call. */
export type Callback = { readonly method: string; readonly path: string; readonly body: string }

/** `X-Signature-256` of a worker's callback at a time in unix seconds. */
export async function signCallback(token: string, timestamp: string, callback: Callback): Promise<string> {
  return `sha256=${toHex(await hmac(token, `${timestamp}.${callback.method} ${callback.path}.${callback.body}`))}`
}

/** Whether a callback was signed by the worker that holds `token`, within five minutes of now. */
export async function verifyCallback(
  token: string,
  callback: Callback,
  signed: Omit<SignedMessage, 'body'>,
  nowMs: number,
): Promise<Verdict> {
  const { timestamp, signature } = signed
  if (!timestamp || !signature) return 'unsigned'
  if (!equalInConstantTime(await signCallback(token, timestamp, callback), signature)) return 'bad_signature'
  return isFresh(timestamp, nowMs) ? 'valid' : 'clock_skew'
}
