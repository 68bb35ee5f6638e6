import { lookup } from 'node:dns'

import { Agent, buildConnector, type Dispatcher } from 'undici'

import { guardConnector, guardLookup } from '../../../shared/net/guarded-lookup.ts'
import type { AddressPolicy } from '../../../shared/net/safe-url.ts'
import type { WebhookAnswer, WebhookRequest, WebhookSender } from '../../ports/webhook-sender.ts'

export type WebhookSenderOptions = { readonly policy: AddressPolicy }

/** Most bytes read of a response, which frees its connection for the next webhook; a longer one closes it. */
const MAX_ANSWER_BYTES = 16 * 1024

/** Time for the rest of a response after its headers, which decide, in ms; then its connection is closed. */
const REST_MS = 1000

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

/** Sends one webhook; `timeoutMs` covers connecting, headers and body. A failure is an answer too. */
async function sendWebhook(dispatcher: Dispatcher, webhook: WebhookRequest): Promise<WebhookAnswer> {
  try {
    return await dispatchWebhook(dispatcher, webhook)
  } catch (error) {
    return { kind: 'failed', error: describeError(error) }
  }
}

/** Sends one webhook by `dispatch` and one timer: `request` with an `AbortSignal` costs more than twice as much. */
function dispatchWebhook(
  dispatcher: Dispatcher,
  { url, headers, body, timeoutMs }: WebhookRequest,
): Promise<WebhookAnswer> {
  const { origin, pathname, search } = new URL(url)
  return new Promise((resolve, reject) => {
    let sending: Dispatcher.DispatchController | null = null
    let tooLate: Error | null = null
    let answer: WebhookAnswer | null = null
    let bytes = 0
    const cutOff = () => {
      tooLate = new Error(`no answer within ${timeoutMs} ms`)
      if (answer === null) reject(tooLate)
      else resolve(answer)
      sending?.abort(tooLate)
    }
    const deadlineMs = performance.now() + timeoutMs
    let timer = setTimeout(cutOff, timeoutMs)
    const end = (error: Error) => {
      clearTimeout(timer)
      if (answer === null) reject(error)
      else resolve(answer)
    }
    const handler: Dispatcher.DispatchHandler = {
      onRequestStart(controller) {
        sending = controller
        if (tooLate !== null) controller.abort(tooLate)
      },
      onResponseStart(_controller, status, { 'retry-after': retryAfter }) {
        // Not an interim answer (RFC 9110 §15.2).
        if (status < 200) return
        answer = { kind: 'answered', status, retryAfter: readHeader(retryAfter) }
        clearTimeout(timer)
        timer = setTimeout(cutOff, Math.min(REST_MS, deadlineMs - performance.now()))
      },
      onResponseData(controller, chunk) {
        bytes += chunk.length
        if (bytes > MAX_ANSWER_BYTES) controller.abort(new Error('the answer is too long'))
      },
      onResponseEnd: () => end(new Error('the answer has no status')),
      onResponseError: (_controller, error) => end(error),
    }
    dispatcher.dispatch({ origin, path: pathname + search, method: 'POST', headers, body }, handler)
  })
}

function readHeader(value: string | string[] | undefined): string | null {
  return (Array.isArray(value) ? value[0] : value) ?? null
}

function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.message === '' && 'code' in error ? String(error.code) : error.message
}
