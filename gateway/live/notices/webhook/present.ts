import * as v from 'valibot'

import type { OutboxEvent } from '../../../outbox/store/events.ts'
import type { FaultWebhook } from '../../store/fault-webhooks.ts'

const Moment = v.pipe(v.string(), v.isoTimestamp())

/** A webhook about a fault, and what became of it. */
const FaultDelivery = v.object({
  event_id: v.string(),
  event_type: v.string(),
  created_at: Moment,
  status: v.picklist(['pending', 'delivered', 'failed']),
  attempts: v.number(),
  last_attempt_at: v.nullable(Moment),
  last_error: v.nullable(v.string()),
  delivered_at: v.nullable(Moment),
})
type FaultDelivery = v.InferOutput<typeof FaultDelivery>

/** Where the faults of the own broadcasts are sent. */
export const FaultWebhookView = v.object({
  /** `null`: nowhere. */
  fault_webhook_url: v.nullable(v.string()),
  created_at: v.nullable(Moment),
  /** The newest webhooks to it, at most 20. */
  deliveries: v.array(FaultDelivery),
})
export type FaultWebhookView = v.InferOutput<typeof FaultWebhookView>

/** The same in the only answers that have the secret. */
export const FaultWebhookSecret = v.object({
  ...FaultWebhookView.entries,
  /** What signs the webhooks. It is in this answer only: a new one may be made. */
  signing_secret: v.optional(v.string()),
})
export type FaultWebhookSecret = v.InferOutput<typeof FaultWebhookSecret>

/** Returns where the faults of a user's broadcasts are sent, as the user sees it. */
export function presentFaultWebhook(
  webhook: FaultWebhook | null,
  deliveries: readonly OutboxEvent[],
): FaultWebhookView {
  return {
    fault_webhook_url: webhook?.url ?? null,
    created_at: webhook?.createdAt.toISOString() ?? null,
    deliveries: deliveries.map(presentDelivery),
  }
}

function presentDelivery(event: OutboxEvent): FaultDelivery {
  return {
    event_id: event.eventId,
    event_type: event.eventType,
    created_at: event.createdAt.toISOString(),
    status: event.status,
    attempts: event.attempts,
    last_attempt_at: event.lastAttemptAt?.toISOString() ?? null,
    last_error: event.lastError,
    delivered_at: event.deliveredAt?.toISOString() ?? null,
  }
}
