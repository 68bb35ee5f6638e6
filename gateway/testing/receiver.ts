import { EventEmitter, once } from 'node:events'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'

import type { MonitorWebhookPayload } from '../../shared/contract/monitors.ts'
import { verifyWebhook, type SignatureVerdict } from '../../shared/net/signing.ts'
import { sendFaultyResponse, startLocalServer, type FaultyResponse } from '../../shared/testing/local-server.ts'
import { PATIENCE_MS } from '../../shared/testing/until.ts'

/** One received attempt to deliver a webhook. */
export type Delivery = {
  readonly headers: IncomingHttpHeaders
  /** The raw body, as signed. */
  readonly body: string
  readonly payload: MonitorWebhookPayload
  readonly atMs: number
  /** Result of `verifyWebhook` for its signature and timestamp. */
  readonly verdict: SignatureVerdict
}

/** Chooses the response to a delivery; `deliveries` counts those so far, this one included. */
export type ReceiverBehaviour = (delivery: Delivery, deliveries: number) => FaultyResponse | Promise<FaultyResponse>

export type Receiver = AsyncDisposable & {
  /** Callback URL of the receiver. */
  readonly url: string
  /** All deliveries so far, in the order of arrival. */
  readonly deliveries: readonly Delivery[]
  /**
   * Resolves with the first past or future delivery for which `isExpected` holds.
   * @throws Error with the received event types after `timeoutMs`, by default `PATIENCE_MS`
   */
  waitFor(isExpected: (delivery: Delivery) => boolean, timeoutMs?: number): Promise<Delivery>
  /** Yields each delivery from the first one on, until the signal aborts. */
  follow(signal: AbortSignal): AsyncIterable<Delivery>
}

/** Starts a webhook receiver on 127.0.0.1 that verifies each delivery and responds with `answer`, by default 204. */
export async function startReceiver(signingKey: string, answer: ReceiverBehaviour = () => 204): Promise<Receiver> {
  const deliveries: Delivery[] = []
  const arrivals = new EventEmitter()
  const server = await startLocalServer(async (request, response) => {
    const delivery = await readDelivery(request, signingKey)
    deliveries.push(delivery)
    arrivals.emit('delivery')
    sendFaultyResponse(response, await answer(delivery, deliveries.length))
  })

  async function* follow(signal: AbortSignal): AsyncGenerator<Delivery> {
    for (let next = 0; ; next++) {
      while (deliveries.length <= next) await once(arrivals, 'delivery', { signal })
      yield* deliveries.slice(next, next + 1)
    }
  }
  async function waitFor(isExpected: (delivery: Delivery) => boolean, timeoutMs = PATIENCE_MS): Promise<Delivery> {
    const deadline = AbortSignal.timeout(timeoutMs)
    try {
      for await (const delivery of follow(deadline)) if (isExpected(delivery)) return delivery
    } catch (error) {
      if (!deadline.aborted) throw error
    }
    const types = deliveries.map((delivery) => delivery.payload.event_type).join(', ')
    throw new Error(`no expected delivery within ${timeoutMs} ms; received: ${types || 'none'}`)
  }
  return {
    url: `${server.origin}/webhooks`,
    deliveries,
    waitFor,
    follow,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

async function readDelivery(request: IncomingMessage, signingKey: string): Promise<Delivery> {
  const atMs = Date.now()
  const body = await text(request)
  const signed = { timestamp: header(request, 'x-timestamp'), signature: header(request, 'x-signature-256'), body }
  const verdict = verifyWebhook(signingKey, signed, atMs)
  return { headers: request.headers, body, payload: JSON.parse(body) as MonitorWebhookPayload, atMs, verdict }
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name]
  return typeof value === 'string' ? value : undefined
}
