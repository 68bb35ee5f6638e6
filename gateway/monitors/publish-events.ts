import type { MonitorEvent, MonitorWebhookPayload } from '../../shared/contract/monitors.ts'
import { enqueueWebhooks } from '../outbox/enqueue.ts'
import type { Monitor } from './store/monitors.ts'
import type { Tx } from '../ports/database.ts'

/** Publishes a monitor's events as webhooks, in the transaction of the change that caused them. */
export function publishEvents(tx: Tx, monitor: Monitor, events: readonly MonitorEvent[]): Promise<void> {
  const { callbackUrl: url, traceparent, config } = monitor
  const receiver = { url, policy: config.webhook_policy, traceparent }
  const messages = events.map((event) => ({
    eventType: event.event_type,
    bodyFor: (eventId: string): MonitorWebhookPayload => ({
      event_id: eventId,
      event_type: event.event_type,
      monitor_id: monitor.id,
      stream_url: monitor.streamUrl,
      timestamp: event.timestamp,
      data: event.data,
      metadata: monitor.metadata,
    }),
  }))
  return enqueueWebhooks(tx, monitor.id, receiver, messages)
}
