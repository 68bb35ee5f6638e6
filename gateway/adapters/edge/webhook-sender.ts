import type { WebhookAnswer, WebhookRequest, WebhookSender } from '../../context.ts'
import { readAtMost } from './read-at-most.ts'
import { requirePublicHost } from './resolve-name.ts'
import type { WebhookGuard } from './settings.ts'

/** Of what a receiver answers only the status counts; a longer answer has its connection closed. */
const MAX_ANSWER_BYTES = 16 * 1024

/**
 * Sends webhooks by the platform's `fetch`, which neither follows redirects here nor takes longer than the request says,
 * look-ups included. It does not tell which address it connects to: see `WebhookGuard` for what stands in for that.
 */
export function createEdgeWebhookSender(guard: WebhookGuard): WebhookSender {
  return async (webhook) => {
    const signal = AbortSignal.timeout(webhook.timeoutMs)
    try {
      return guard.kind === 'egress'
        ? await sendByEgress(guard, webhook, signal)
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

/**
 * Has the webhook sent by an egress service. What is agreed with it:
 * - It gets the webhook as a POST, headers and body as the receiver is to have them, with `X-Target-Url` saying where it
 *   goes and `Authorization: Bearer {WEBHOOK_EGRESS_TOKEN}` that it is us; it passes neither of the two on.
 * - It connects to public addresses only, judged when it connects, follows no redirect, and gives up after 10 s.
 * - Where the receiver answered it says so by `X-Target-Status`, the receiver's status, and passes `Retry-After` on.
 * - An answer without `X-Target-Status` is its own, and the webhook counts as not delivered; `X-Egress-Error` says why.
 */
async function sendByEgress(
  egress: Extract<WebhookGuard, { readonly kind: 'egress' }>,
  { url, headers, body }: WebhookRequest,
  signal: AbortSignal,
): Promise<WebhookAnswer> {
  const asked = { ...headers, 'x-target-url': url, authorization: `Bearer ${egress.token}` }
  const response = await post(egress.url, asked, body, signal)
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
  body: string,
  signal: AbortSignal,
): Promise<Response> {
  const response = await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal })
  await readAtMost(response.body, MAX_ANSWER_BYTES)
  return response
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
