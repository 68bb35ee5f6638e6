import { EventEmitter, once } from 'node:events'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'

import type { WebhookPayload } from '../../shared/contract/events.ts'
import { verifyWebhook, type Verdict } from '../../shared/signing.ts'
import { answerBadly, startLocalServer, type BadAnswer } from '../../worker/testing/local-server.ts'

/** One attempt to deliver a webhook, as it arrived. */
export type Delivery = {
  readonly headers: IncomingHttpHeaders
  /** The raw body, as signed. */
  readonly body: string
  readonly payload: WebhookPayload
  readonly atMs: number
  /** What `verifyWebhook` says of its signature and time. */
  readonly verdict: Verdict
}

/** How a delivery is answered; `deliveries` counts the ones so far, this one included. */
export type Answer = (delivery: Delivery, deliveries: number) => BadAnswer | Promise<BadAnswer>

export type Receiver = AsyncDisposable & {
  /** Where webhooks go. */
  readonly url: string
  /** All deliveries so far, in the order of their arrival. */
  readonly deliveries: readonly Delivery[]
  /** The first delivery, past or to come, that is wanted. Throws after `timeoutMs`, with what came instead. */
  waitFor(wanted: (delivery: Delivery) => boolean, timeoutMs: number): Promise<Delivery>
  /** Each delivery from the first one on, until the signal aborts. */
  follow(signal: AbortSignal): AsyncIterable<Delivery>
}

/** Receives webhooks on 127.0.0.1, verifies each with the signing key, and answers as told: 204 by default. */
export async function startReceiver(signingKey: string, answer: Answer = () => 204): Promise<Receiver> {
  const deliveries: Delivery[] = []
  const arrivals = new EventEmitter()
  const server = await startLocalServer(async (request, response) => {
    const delivery = await readDelivery(request, signingKey)
    deliveries.push(delivery)
    arrivals.emit('delivery')
    answerBadly(response, await answer(delivery, deliveries.length))
  })

  async function* follow(signal: AbortSignal): AsyncGenerator<Delivery> {
    for (let next = 0; ; next++) {
      while (deliveries.length <= next) await once(arrivals, 'delivery', { signal })
      yield* deliveries.slice(next, next + 1)
    }
  }
  async function waitFor(wanted: (delivery: Delivery) => boolean, timeoutMs: number): Promise<Delivery> {
    const deadline = AbortSignal.timeout(timeoutMs)
    try {
      for await (const delivery of follow(deadline)) if (wanted(delivery)) return delivery
    } catch (error) {
      if (!deadline.aborted) throw error
    }
    const types = deliveries.map((delivery) => delivery.payload.event_type).join(', ')
    throw new Error(`no such delivery within ${timeoutMs} ms, but: ${types || 'none at all'}`)
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
  return { headers: request.headers, body, payload: JSON.parse(body) as WebhookPayload, atMs, verdict }
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name]
  return typeof value === 'string' ? value : undefined
}
