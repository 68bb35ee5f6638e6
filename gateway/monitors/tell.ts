import type { MonitorEvent, WebhookPayload } from '../../shared/contract/events.ts'
import type { Tx } from '../context.ts'
import { enqueue } from '../outbox/enqueue.ts'
import type { Monitor } from './store.ts'

/** Stores a monitor's events as webhooks, in the transaction of the change that caused them. */
export function tell(tx: Tx, monitor: Monitor, events: readonly MonitorEvent[]): Promise<void> {
  const { callbackUrl: url, traceparent, config } = monitor
  const receiver = { url, policy: config.webhook_policy, traceparent }
  const messages = events.map((event) => ({
    eventType: event.event_type,
    bodyFor: (eventId: string): WebhookPayload => ({
      event_id: eventId,
      event_type: event.event_type,
      monitor_id: monitor.id,
      stream_url: monitor.streamUrl,
      timestamp: event.timestamp,
      data: event.data,
      metadata: monitor.metadata,
    }),
  }))
  return enqueue(tx, monitor.id, receiver, messages)
}
