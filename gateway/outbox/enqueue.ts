import { newEventId } from '../../shared/ids.ts'
import type { Tx } from '../context.ts'
import type { DeliveryPolicy } from './schedule.ts'
import { insertEvents } from './store.ts'

/** Where a subject's webhooks go, how hard they are tried, and which trace they belong to. */
export type Receiver = {
  readonly url: string
  readonly policy: DeliveryPolicy
  readonly traceparent: string | null
}

/** Something to tell; `bodyFor` gives the webhook's body once the event has its id. */
export type Message = { readonly eventType: string; readonly bodyFor: (eventId: string) => object }

/**
 * Stores messages to be delivered, in this order, after all earlier ones of the subject. It joins the caller's
 * transaction: they go out if, and only if, the change of state that caused them is committed.
 */
export async function enqueue(
  tx: Tx,
  subject: string,
  receiver: Receiver,
  messages: readonly Message[],
): Promise<void> {
  if (messages.length === 0) return
  const events = messages.map(({ eventType, bodyFor }) => {
    const eventId = newEventId()
    return { eventId, eventType, body: JSON.stringify(bodyFor(eventId)), ...receiver }
  })
  await insertEvents(tx, subject, events)
}
