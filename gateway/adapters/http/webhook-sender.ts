import { lookup } from 'node:dns'

import { Agent, buildConnector, request, type Dispatcher } from 'undici'

import { guardConnector, guardLookup } from '../../../shared/net/guarded-lookup.ts'
import type { AddressPolicy } from '../../../shared/net/safe-url.ts'
import type { WebhookAnswer, WebhookRequest, WebhookSender } from '../../ports/webhook-sender.ts'

export type WebhookSenderOptions = { readonly policy: AddressPolicy }

/** Most bytes read of a response, which frees its connection for the next webhook; a longer one closes it. */
const MAX_ANSWER_BYTES = 16 * 1024

/** A sender with its own connection pool, which is closed on dispose. */
export type NodeWebhookSender = AsyncDisposable & { readonly send: WebhookSender }

/** Creates a webhook sender. It connects to public addresses only, unless the policy allows private networks. */
export function createWebhookSender({ policy }: WebhookSenderOptions): NodeWebhookSender {
  const dispatcher = new Agent({ connect: createConnector(policy), headersTimeout: 0, bodyTimeout: 0 })
  return {
    send: (webhook) => sendWebhook(dispatcher, webhook),
    [Symbol.asyncDispose]: () => dispatcher.destroy(),
  }
}

function createConnector(policy: AddressPolicy): buildConnector.connector {
  if (policy.allowPrivateNetworks) return buildConnector({})
  return guardConnector(buildConnector({ lookup: guardLookup(lookup) }))
}

/** Sends one webhook; `timeoutMs` covers connecting, headers and body. */
async function sendWebhook(
  dispatcher: Dispatcher,
  { url, headers, body, timeoutMs }: WebhookRequest,
): Promise<WebhookAnswer> {
  const signal = AbortSignal.timeout(timeoutMs)
  try {
    const answer = await request(url, { method: 'POST', headers, body, dispatcher, signal })
    await answer.body.dump({ limit: MAX_ANSWER_BYTES, signal })
    return { kind: 'answered', status: answer.statusCode, retryAfter: readHeader(answer.headers['retry-after']) }
  } catch (error) {
    return { kind: 'failed', error: signal.aborted ? `no answer within ${timeoutMs} ms` : describeError(error) }
  }
}

function readHeader(value: string | string[] | undefined): string | null {
  return (Array.isArray(value) ? value[0] : value) ?? null
}

function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.message === '' && 'code' in error ? String(error.code) : error.message
}
