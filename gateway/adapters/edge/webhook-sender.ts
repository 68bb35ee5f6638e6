/**
 * Webhooks from a fetch runtime, sent directly or through an egress service. The contract with an egress service:
 *
 * - It receives the webhook as a POST with the headers and body for the receiver. `X-Target-Url` names the receiver and
 *   `Authorization: Bearer {WEBHOOK_EGRESS_TOKEN}` authenticates the gateway; it forwards neither of the two.
 * - It connects to public addresses only, checked at connection time, follows no redirect, and aborts after 10 s.
 * - Where the receiver answered, it responds with the receiver's status in `X-Target-Status` and forwards `Retry-After`.
 * - A response without `X-Target-Status` is its own: the webhook is not delivered, and `X-Egress-Error` says why.
 */
import { readAtMost } from './read-at-most.ts'
import { requirePublicHost } from './resolve-name.ts'
import type { WebhookGuard } from './settings.ts'
import type { WebhookAnswer, WebhookRequest, WebhookSender } from '../../ports/webhook-sender.ts'

/** Most bytes read of a response, of which only the status counts; a longer one has its connection closed. */
const MAX_ANSWER_BYTES = 16 * 1024

/**
 * Creates a sender that uses the platform's `fetch`, follows no redirect, and keeps the timeout including name lookups.
 * The platform does not reveal the address it connects to; `guard` keeps webhooks from private ones.
 */
export function createEdgeWebhookSender(guard: WebhookGuard): WebhookSender {
  return async (webhook) => {
    const signal = AbortSignal.timeout(webhook.timeoutMs)
    try {
      return guard.kind === 'egress'
        ? await sendThroughEgress(guard, webhook, signal)
        : await sendDirectly(guard, webhook, signal)
    } catch (error) {
      return { kind: 'failed', error: signal.aborted ? `no answer within ${webhook.timeoutMs} ms` : messageOf(error) }
    }
  }
}

type DirectGuard = Exclude<WebhookGuard, { readonly kind: 'egress' }>

async function sendDirectly(guard: DirectGuard, webhook: WebhookRequest, signal: AbortSignal): Promise<WebhookAnswer> {
  if (guard.kind === 'resolver') await requirePublicHost(new URL(webhook.url).hostname, guard.url, signal)
  const response = await post(webhook.url, webhook.headers, webhook.body, signal)
  return { kind: 'answered', status: response.status, retryAfter: response.headers.get('retry-after') }
}

async function sendThroughEgress(
  egress: Extract<WebhookGuard, { readonly kind: 'egress' }>,
  { url, headers, body }: WebhookRequest,
  signal: AbortSignal,
): Promise<WebhookAnswer> {
  const egressHeaders = { ...headers, 'x-target-url': url, authorization: `Bearer ${egress.token}` }
  const response = await post(egress.url, egressHeaders, body, signal)
  const status = response.headers.get('x-target-status')
  if (status !== null && /^[1-5]\d\d$/.test(status)) {
    return { kind: 'answered', status: Number(status), retryAfter: response.headers.get('retry-after') }
  }
  const reason = response.headers.get('x-egress-error') ?? `it answered ${response.status}`
  return { kind: 'failed', error: `the egress service did not deliver: ${reason}` }
}

async function post(
  url: string,
  headers: Readonly<Record<string, string>>,
  body: WebhookRequest['body'],
  signal: AbortSignal,
): Promise<Response> {
  const response = await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal })
  // The status counts, also where the rest does not come within the time that is left.
  await readAtMost(response.body, MAX_ANSWER_BYTES).catch(() => undefined)
  return response
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
