import { newEventId } from '../../shared/ids.ts'
import type { DeliveryPolicy } from './retry-schedule.ts'
import { insertEvents } from './store/events.ts'
import type { Tx } from '../ports/database.ts'

/** Where a subject's webhooks go, their delivery policy, and the trace that they belong to. */
export type WebhookReceiver = {
  readonly url: string
  readonly policy: DeliveryPolicy
  readonly traceparent: string | null
  /** The id of the secret that signs them (`deriveWebhookSecret`); left out: `WEBHOOK_SIGNING_KEY` does. */
  readonly signingKeyId?: string
}

/** A webhook to send; `bodyFor` returns its body for the event's id. */
export type WebhookMessage = { readonly eventType: string; readonly bodyFor: (eventId: string) => object }

/**
 * Enqueues webhooks in this order, after all earlier ones of the subject, in the caller's transaction: they are sent if, and
 * only if, the change that caused them is committed.
 */
export async function enqueueWebhooks(
  tx: Tx,
  subject: string,
  receiver: WebhookReceiver,
  messages: readonly WebhookMessage[],
): Promise<void> {
  if (messages.length === 0) return
  const { signingKeyId = null, ...common } = receiver
  const events = messages.map(({ eventType, bodyFor }) => {
    const eventId = newEventId()
    return { eventId, eventType, body: JSON.stringify(bodyFor(eventId)), ...common, signingKeyId }
  })
  await insertEvents(tx, subject, events)
}
