/**
 * Signatures of webhooks and of workers' callbacks: HMAC-SHA256. `node:crypto` exists on workerd too. It takes a third of
 * the time of a library in JavaScript, and no turn of the event loop as WebCrypto does.
 */

import { createHmac } from 'node:crypto'

import { utf8ToBytes } from '@noble/hashes/utils.js'

/** Largest accepted difference of a timestamp from the current time, in seconds. */
const MAX_SKEW_SEC = 300

/** Computes the HMAC-SHA256 of a text under a text key. */
function computeHmac(key: string, message: string, encoding: 'hex' | 'base64' = 'hex'): string {
  return createHmac('sha256', key).update(message).digest(encoding)
}

/** Compares two texts in constant time: the duration depends on their lengths only. */
export function timingSafeEqual(a: string, b: string): boolean {
  const left = utf8ToBytes(a)
  const right = utf8ToBytes(b)
  if (left.length !== right.length) return false
  let difference = 0
  for (const [i, byte] of left.entries()) difference |= byte ^ (right[i] ?? 0)
  return difference === 0
}

/** Returns `X-Signature-256` of a webhook: `sha256=` and the hex HMAC of `{timestamp}.{body}`. */
function signWebhook(key: string, timestamp: string, body: string): string {
  return `sha256=${computeHmac(key, `${timestamp}.${body}`)}`
}

/**
 * Returns the headers of one delivery attempt: `X-Signature-256`, and the headers of Standard Webhooks 1.0
 * (`webhook-signature: v1,` and the base64 HMAC of `{id}.{timestamp}.{body}`), under the same key.
 */
export function signWebhookHeaders(key: string, eventId: string, body: string, nowMs: number): Record<string, string> {
  const timestamp = String(Math.floor(nowMs / 1000))
  const standard = computeHmac(key, `${eventId}.${timestamp}.${body}`, 'base64')
  return {
    'content-type': 'application/json',
    'x-timestamp': timestamp,
    'x-signature-256': signWebhook(key, timestamp, body),
    'webhook-id': eventId,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${standard}`,
  }
}

export type SignedMessage = {
  readonly timestamp: string | null | undefined
  readonly signature: string | null | undefined
  readonly body: string
}
export type SignatureVerdict = 'valid' | 'unsigned' | 'bad_signature' | 'clock_skew'

/**
 * Verifies the signature and the age of a received webhook, given `X-Timestamp`, `X-Signature-256` and the raw body.
 * A timestamp more than five minutes off is `clock_skew`.
 */
export function verifyWebhook(key: string, message: SignedMessage, nowMs: number): SignatureVerdict {
  return verifySignature(message, nowMs, (timestamp) => signWebhook(key, timestamp, message.body))
}

/**
 * Derives a worker's key from the internal key. It is valid for one assignment only and, with `worker`, for the attempt
 * of that name only.
 */
export function deriveWorkerToken(internalKey: string, kind: string, assignmentId: string, worker?: string): string {
  const scope = worker === undefined ? assignmentId : `${assignmentId}/${worker}`
  return computeHmac(internalKey, `worker-token/v1/${kind}/${scope}`)
}

/** Derives the key that signs the tokens of people's sessions from the internal key. */
export function deriveSessionKey(internalKey: string): string {
  return computeHmac(internalKey, 'session-token/v1')
}

/** Derives the token of the link in a mail from the internal key: 256 bits in hex, the same for each attempt to send it. */
export function deriveLinkToken(internalKey: string, mailId: string): string {
  return computeHmac(internalKey, `mail-link/v1/${mailId}`)
}

/** Derives the private key by which push services know the gateways of an installation: 256 bits in hex. */
export function deriveVapidSecret(internalKey: string): string {
  return computeHmac(internalKey, 'vapid/v1')
}

/**
 * Derives the secret of webhooks that are not signed under the gateway's own key, by its id, from the internal key: 256 bits
 * in hex. Another id is another secret.
 */
export function deriveWebhookSecret(internalKey: string, keyId: string): string {
  return computeHmac(internalKey, `webhook-secret/v1/${keyId}`)
}

/** Returns the signature of the link by which a user ends e-mails about a channel, in hex. */
export function signUnsubscribe(internalKey: string, userId: string, channelId: string): string {
  return computeHmac(internalKey, `unsubscribe/v1/${userId}/${channelId}`)
}

/** Derives the key with which a broadcast that was created with an Idempotency-Key is published: 128 bits in hex. */
export function deriveStreamKey(internalKey: string, streamId: string): string {
  return computeHmac(internalKey, `stream-key/v1/${streamId}`).slice(0, 32)
}

/** Derives the passphrase by which a broadcast is published over SRT, from the hash of its stream key: 128 bits in hex. */
export function deriveSrtPassphrase(internalKey: string, keyHash: string): string {
  return computeHmac(internalKey, `srt-passphrase/v1/${keyHash}`).slice(0, 32)
}

/** The right to play a broadcast until `expires` (unix seconds); with `followerId`, as long as that user follows its owner. */
export type PlaybackRight = {
  readonly streamId: string
  readonly expires: string
  readonly followerId: string | null
}

/** Returns the signature of the right to play a broadcast, in hex. */
export function signPlayback(internalKey: string, { streamId, expires, followerId }: PlaybackRight): string {
  const follower = followerId === null ? '' : `/${followerId}`
  return computeHmac(internalKey, `playback/v1/${streamId}/${expires}${follower}`)
}

/** Returns the signature of the name by which a broadcast counts a viewer: 96 bits in hex. */
export function signViewer(internalKey: string, streamId: string, name: string): string {
  return computeHmac(internalKey, `viewer/v1/${streamId}/${name}`).slice(0, 24)
}

/** The signed parts of a worker's callback: its route and its body. */
export type Callback = { readonly method: string; readonly path: string; readonly body: string }

/** Returns `X-Signature-256` of a worker's callback; `timestamp` is in unix seconds. */
export function signCallback(token: string, timestamp: string, callback: Callback): string {
  return `sha256=${computeHmac(token, `${timestamp}.${callback.method} ${callback.path}.${callback.body}`)}`
}

/** Verifies that a callback was signed with `token`, within five minutes of now. */
export function verifyCallback(
  token: string,
  callback: Callback,
  signed: SignatureHeaders,
  nowMs: number,
): SignatureVerdict {
  return verifySignature(signed, nowMs, (timestamp) => signCallback(token, timestamp, callback))
}

type SignatureHeaders = Omit<SignedMessage, 'body'>

const TIMESTAMP = /^\d{1,15}$/
const SIGNATURE = /^sha256=[\da-f]{64}$/

/**
 * Judges the headers of a signed message before its body is read: `unsigned` where one is missing or malformed,
 * `clock_skew` where the timestamp is more than five minutes off; `null` where the signature may be valid.
 */
export function judgeSignatureHeaders(
  { timestamp, signature }: SignatureHeaders,
  nowMs: number,
): 'unsigned' | 'clock_skew' | null {
  if (!TIMESTAMP.test(timestamp ?? '') || !SIGNATURE.test(signature ?? '')) return 'unsigned'
  return isCurrent(Number(timestamp), nowMs) ? null : 'clock_skew'
}

function isCurrent(timestampSec: number, nowMs: number): boolean {
  return Math.abs(nowMs / 1000 - timestampSec) <= MAX_SKEW_SEC
}

/** Verifies the signature before the timestamp, so that only holders of the key learn of a clock skew. */
function verifySignature(
  { timestamp, signature }: SignatureHeaders,
  nowMs: number,
  sign: (timestamp: string) => string,
): SignatureVerdict {
  if (!timestamp || !signature) return 'unsigned'
  if (!timingSafeEqual(sign(timestamp), signature)) return 'bad_signature'
  return isCurrent(Number(timestamp), nowMs) ? 'valid' : 'clock_skew'
}
