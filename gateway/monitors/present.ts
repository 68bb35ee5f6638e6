import * as v from 'valibot'

import { MonitorConfig, MonitorHealth, MonitorStatistics, StreamStatus } from '../../shared/contract/monitors.ts'
import type { WebhookPayload } from '../../shared/contract/events.ts'
import type { OutboxEvent } from '../outbox/store/events.ts'
import { toCursor } from '../http/paging.ts'
import { MONITOR_STATUSES } from './status.ts'
import type { Monitor } from './store/monitors.ts'

const Moment = v.pipe(v.string(), v.isoTimestamp())
const Status = v.picklist(MONITOR_STATUSES)

/** Answer to `POST /monitors`. */
export const CreatedMonitor = v.object({ monitor_id: v.string(), status: Status, created_at: Moment })
export type CreatedMonitor = v.InferOutput<typeof CreatedMonitor>

/** A monitor as the API shows it. */
export const PublicMonitor = v.object({
  monitor_id: v.string(),
  stream_url: v.string(),
  callback_url: v.string(),
  status: Status,
  stream_status: StreamStatus,
  title: v.nullable(v.string()),
  health: MonitorHealth,
  statistics: MonitorStatistics,
  config: MonitorConfig,
  metadata: v.record(v.string(), v.unknown()),
  error_reason: v.nullable(v.string()),
  created_at: Moment,
  updated_at: Moment,
  ended_at: v.nullable(Moment),
})
export type PublicMonitor = v.InferOutput<typeof PublicMonitor>

/** Answer to `GET /monitors`. */
export const MonitorList = v.object({
  monitors: v.array(PublicMonitor),
  pagination: v.object({
    total: v.optional(v.number()),
    limit: v.number(),
    offset: v.optional(v.number()),
    next_cursor: v.nullable(v.string()),
  }),
})
export type MonitorList = v.InferOutput<typeof MonitorList>

/** Answer to `DELETE /monitors/{id}`. */
export const StoppedMonitor = v.object({ monitor_id: v.string(), status: Status, stopped_at: Moment })
export type StoppedMonitor = v.InferOutput<typeof StoppedMonitor>

/** An event of a monitor, with the state of its delivery. */
const PublicEvent = v.object({
  event_id: v.string(),
  event_type: v.string(),
  timestamp: Moment,
  data: v.record(v.string(), v.unknown()),
  delivery: v.object({
    status: v.picklist(['pending', 'delivered', 'failed']),
    attempts: v.number(),
    last_attempt_at: v.nullable(Moment),
    last_error: v.nullable(v.string()),
    delivered_at: v.nullable(Moment),
  }),
})
type PublicEvent = v.InferOutput<typeof PublicEvent>

/** Answer to `GET /monitors/{id}/events`. */
export const EventList = v.object({ events: v.array(PublicEvent), next_cursor: v.nullable(v.string()) })
export type EventList = v.InferOutput<typeof EventList>

/** Returns a monitor as the API shows it. */
export function presentMonitor(row: Monitor): PublicMonitor {
  return {
    monitor_id: row.id,
    stream_url: row.streamUrl,
    callback_url: row.callbackUrl,
    status: row.status,
    stream_status: row.streamStatus,
    title: row.title,
    health: row.health,
    statistics: row.statistics,
    config: row.config,
    metadata: row.metadata,
    error_reason: row.errorReason,
    created_at: row.createdAt.toISOString(),
    updated_at: row.updatedAt.toISOString(),
    ended_at: row.endedAt?.toISOString() ?? null,
  }
}

/** Returns the answer to `POST /monitors`. */
export function presentCreated(row: Monitor): CreatedMonitor {
  return { monitor_id: row.id, status: row.status, created_at: row.createdAt.toISOString() }
}

/** Returns a stopped monitor; one that had ended by itself keeps its status, with the time of its end. */
export function presentStopped(row: Monitor): StoppedMonitor {
  return { monitor_id: row.id, status: row.status, stopped_at: (row.endedAt ?? row.updatedAt).toISOString() }
}

/** Returns a page of events; `hasMore`: another page follows. */
export function presentEvents(rows: readonly OutboxEvent[], hasMore: boolean): EventList {
  const last = rows.at(-1)
  return {
    events: rows.map(presentEvent),
    next_cursor: hasMore && last !== undefined ? toCursor(String(last.seq)) : null,
  }
}

function presentEvent(row: OutboxEvent): PublicEvent {
  const { event_id, event_type, timestamp, data } = readPayload(row.body)
  return {
    event_id,
    event_type,
    timestamp,
    data,
    delivery: {
      status: row.status,
      attempts: row.attempts,
      last_attempt_at: row.lastAttemptAt?.toISOString() ?? null,
      last_error: row.lastError,
      delivered_at: row.deliveredAt?.toISOString() ?? null,
    },
  }
}

const StoredPayload = v.object({
  event_id: v.string(),
  event_type: v.string(),
  timestamp: v.string(),
  data: v.record(v.string(), v.unknown()),
})

/** Parses the stored body of a webhook, the only place that holds its content. */
function readPayload(
  body: string,
): Pick<WebhookPayload, 'event_id' | 'event_type' | 'timestamp'> & { data: Record<string, unknown> } {
  return v.parse(StoredPayload, JSON.parse(body))
}
