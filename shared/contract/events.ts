import * as v from 'valibot'

import { withoutNul } from './text.ts'

/** Every event that a monitor can send, in the words of its webhooks. */
export const MonitorEventType = v.picklist([
  'stream.started',
  'stream.ended',
  'stream.delayed',
  'stream.suspended',
  'stream.resumed',
  'alert.blackout',
  'alert.blackout_recovered',
  'alert.silence',
  'alert.silence_recovered',
  'alert.segment_error',
  'monitor.error',
  'monitor.degraded',
  'monitor.restored',
])
export type MonitorEventType = v.InferOutput<typeof MonitorEventType>

/** Something that happened, as a worker or a use case tells it; the outbox gives it an id and delivers it. */
export const MonitorEvent = v.object({
  event_type: MonitorEventType,
  /** When it happened; RFC 3339, never changed afterwards. */
  timestamp: v.pipe(v.string(), v.isoTimestamp()),
  data: v.pipe(v.record(v.string(), v.unknown()), withoutNul()),
})
export type MonitorEvent = v.InferOutput<typeof MonitorEvent>

/** The body of a webhook. */
export type WebhookPayload = {
  readonly event_id: string
  readonly event_type: string
  readonly monitor_id: string
  readonly stream_url: string
  readonly timestamp: string
  readonly data: Readonly<Record<string, unknown>>
  readonly metadata: Readonly<Record<string, unknown>>
}
