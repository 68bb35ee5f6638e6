import type { IncomingMessage, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'

import type { AddressPolicy } from '../../shared/safe-url.ts'
import { startLocalServer, type LocalServer } from '../../worker/testing/local-server.ts'
import { createWebhookSender } from '../adapters/webhook-sender.ts'
import type { WebhookSender } from '../context.ts'

const TIMEOUT_MS = 10_000
/** What is between two of the three and not for the receiver. */
const OWN_HEADERS = /^(?:authorization|x-target-url|host|connection|content-length|transfer-encoding|cf-.*|accept.*)$/

/** An egress service as `adapters/edge/webhook-sender.ts` describes it, with the address guard of the gateway on Node. */
export async function startEgress(token: string, policy: AddressPolicy): Promise<LocalServer> {
  const sender = createWebhookSender({ policy })
  const server = await startLocalServer((request, response) => forward(sender.send, token, request, response))
  return {
    origin: server.origin,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]()
      await sender[Symbol.asyncDispose]()
    },
  }
}

async function forward(
  send: WebhookSender,
  token: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await text(request)
  const url = request.headers['x-target-url']
  if (request.headers.authorization !== `Bearer ${token}` || typeof url !== 'string') {
    response.writeHead(401).end()
    return
  }
  const headers = Object.fromEntries(
    Object.entries(request.headers).flatMap(([name, value]) =>
      typeof value === 'string' && !OWN_HEADERS.test(name) ? [[name, value]] : [],
    ),
  )
  const answer = await send({ url, headers, body, timeoutMs: TIMEOUT_MS })
  if (answer.kind === 'failed') response.writeHead(502, { 'x-egress-error': answer.error }).end()
  else {
    const retryAfter = answer.retryAfter === null ? {} : { 'retry-after': answer.retryAfter }
    response.writeHead(200, { 'x-target-status': answer.status, ...retryAfter }).end()
  }
}
