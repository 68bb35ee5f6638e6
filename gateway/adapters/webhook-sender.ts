import { lookup } from 'node:dns'

import { Agent, buildConnector, request, type Dispatcher } from 'undici'

import { guardConnector, guardLookup } from '../../shared/guarded-lookup.ts'
import type { AddressPolicy } from '../../shared/safe-url.ts'
import type { WebhookAnswer, WebhookRequest, WebhookSender } from '../context.ts'

export type WebhookSenderOptions = { readonly policy: AddressPolicy }

/** Read to free the connection for the next webhook; a receiver that says more has its connection closed. */
const MAX_ANSWER_BYTES = 16 * 1024

/** Sends webhooks over connections of its own, to public addresses only where the policy says so. */
export function createWebhookSender({
  policy,
}: WebhookSenderOptions): AsyncDisposable & { readonly send: WebhookSender } {
  const dispatcher = new Agent({ connect: createConnector(policy), headersTimeout: 0, bodyTimeout: 0 })
  return {
    send: (webhook) => send(dispatcher, webhook),
    [Symbol.asyncDispose]: () => dispatcher.destroy(),
  }
}

function createConnector(policy: AddressPolicy): buildConnector.connector {
  if (policy.allowPrivateNetworks) return buildConnector({})
  return guardConnector(buildConnector({ lookup: guardLookup(lookup) }))
}

/** One wall clock over connecting, headers and body: a receiver that drips cannot stretch it. */
async function send(dispatcher: Dispatcher, { url, headers, body, timeoutMs }: WebhookRequest): Promise<WebhookAnswer> {
  const signal = AbortSignal.timeout(timeoutMs)
  try {
    const answer = await request(url, { method: 'POST', headers, body, dispatcher, signal })
    await answer.body.dump({ limit: MAX_ANSWER_BYTES, signal })
    return { kind: 'answered', status: answer.statusCode, retryAfter: readHeader(answer.headers['retry-after']) }
  } catch (error) {
    return { kind: 'failed', error: signal.aborted ? `no answer within ${timeoutMs} ms` : describe(error) }
  }
}

function readHeader(value: string | string[] | undefined): string | null {
  return (Array.isArray(value) ? value[0] : value) ?? null
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.message === '' && 'code' in error ? String(error.code) : error.message
}
