import { deriveWebhookSecret, signWebhookHeaders } from '../../../shared/net/signing.ts'
import { formatTraceparent, type Trace } from '../../../shared/trace.ts'
import type { Context } from '../../context.ts'
import type { WebhookAnswer } from '../../ports/webhook-sender.ts'
import type { OutboxEvent } from '../store/events.ts'

/** Timeout of one attempt, in ms. */
const ATTEMPT_TIMEOUT_MS = 10_000

/** Sends an event to its receiver as a signed webhook, once. */
export function sendWebhook(
  { settings, sendWebhook: send }: Context,
  { url, eventId, body, signingKeyId }: OutboxEvent,
  trace: Trace,
): Promise<WebhookAnswer> {
  const { WEBHOOK_SIGNING_KEY: ownKey, INTERNAL_API_KEY: internalKey } = settings.keys
  const key = signingKeyId === null ? ownKey : deriveWebhookSecret(internalKey, signingKeyId)
  const signed = signWebhookHeaders(key, eventId, body, Date.now())
  const headers = { ...signed, traceparent: formatTraceparent(trace) }
  return send({ url, headers, body, timeoutMs: ATTEMPT_TIMEOUT_MS })
}

/** Returns why an attempt failed; `null` for a 2xx answer. */
export function deliveryError(answer: WebhookAnswer): string | null {
  if (answer.kind === 'failed') return answer.error
  return answer.status >= 200 && answer.status < 300 ? null : `the receiver answered ${answer.status}`
}
