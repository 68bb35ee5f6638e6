import type { IncomingMessage, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'

import type { AddressPolicy } from '../../../shared/net/safe-url.ts'
import { startLocalServer, type LocalServer } from '../../../shared/testing/local-server.ts'
import { createWebhookSender } from '../../adapters/http/webhook-sender.ts'
import type { WebhookSender } from '../../ports/webhook-sender.ts'

const TIMEOUT_MS = 10_000
/** Headers between gateway and service, or of one connection, which the receiver must not see. */
const HOP_HEADERS = /^(?:authorization|x-target-url|host|connection|content-length|transfer-encoding|cf-.*|accept.*)$/

/** Starts an egress service by the contract in `adapters/edge/webhook-sender.ts`, with the address guard for Node. */
export async function startEgressService(token: string, policy: AddressPolicy): Promise<LocalServer> {
  const sender = createWebhookSender({ policy })
  const server = await startLocalServer((request, response) => forwardWebhook(sender.send, token, request, response))
  return {
    origin: server.origin,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]()
      await sender[Symbol.asyncDispose]()
    },
  }
}

async function forwardWebhook(
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
      typeof value === 'string' && !HOP_HEADERS.test(name) ? [[name, value]] : [],
    ),
  )
  const answer = await send({ url, headers, body, timeoutMs: TIMEOUT_MS })
  if (answer.kind === 'failed') response.writeHead(502, { 'x-egress-error': answer.error }).end()
  else {
    const retryAfter = answer.retryAfter === null ? {} : { 'retry-after': answer.retryAfter }
    response.writeHead(200, { 'x-target-status': answer.status, ...retryAfter }).end()
  }
}
