import * as v from 'valibot'

import { idPattern } from '../ids.ts'
import { CallNumber } from './assignment.ts'
import type { WebhookPayload } from './events.ts'
import { withoutNul } from './text.ts'

/** Prefix of monitor ids. */
export const MONITOR_ID_PREFIX = 'mon'

/** Pattern of a monitor id. Other text cannot name a monitor and is not looked up. */
export const MONITOR_ID = idPattern(MONITOR_ID_PREFIX)

/** Every type of event that a monitor sends, as its webhooks name it. */
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
  'alert.freeze',
  'alert.freeze_recovered',
  'alert.track_missing',
  'alert.track_missing_recovered',
  'alert.segment_error',
  'monitor.error',
  'monitor.degraded',
  'monitor.restored',
])
export type MonitorEventType = v.InferOutput<typeof MonitorEventType>

/** An event as a worker or a use case reports it. The outbox assigns its id and delivers it. */
export const MonitorEvent = v.object({
  event_type: MonitorEventType,
  /** When it happened; RFC 3339, never changed afterwards. */
  timestamp: v.pipe(v.string(), v.isoTimestamp()),
  data: v.pipe(v.record(v.string(), v.unknown()), withoutNul()),
})
export type MonitorEvent = v.InferOutput<typeof MonitorEvent>

/** The body of a monitor's webhook. */
export type MonitorWebhookPayload = WebhookPayload & { readonly monitor_id: string; readonly stream_url: string }

/** A monitor's settings with all defaults filled in, as the gateway stores them and passes them to the worker. */
export const MonitorConfig = v.object({
  check_interval_sec: v.number(),
  blackout_threshold_sec: v.number(),
  silence_threshold_sec: v.number(),
  silence_db_threshold: v.number(),
  scheduled_start_time: v.nullable(v.string()),
  scheduled_end_time: v.nullable(v.string()),
  start_delay_tolerance_sec: v.number(),
  freeze_threshold_sec: v.number(),
  track_threshold_sec: v.optional(v.number(), 10),
  coverage: v.picklist(['every', 'latest']),
  webhook_policy: v.picklist(['strict', 'durable']),
})
export type MonitorConfig = v.InferOutput<typeof MonitorConfig>

/** The state of the stream itself, as the worker sees it. */
export const StreamStatus = v.picklist(['unknown', 'scheduled', 'live', 'ended'])
export type StreamStatus = v.InferOutput<typeof StreamStatus>

/**
 * One side of the last analysed segment; `absent`: the stream has no such track; `undecodable`: it cannot be judged;
 * `encrypted`: only licensed players can decrypt it.
 */
export const VideoHealth = v.picklist(['unknown', 'ok', 'black', 'frozen', 'absent', 'undecodable', 'encrypted'])
export const AudioHealth = v.picklist(['unknown', 'ok', 'silent', 'absent', 'undecodable', 'encrypted'])

/** The worker's phase, from which the gateway derives the monitor's status. */
export const WorkerMode = v.picklist(['initializing', 'waiting', 'monitoring', 'completed', 'error'])
export type WorkerMode = v.InferOutput<typeof WorkerMode>

const count = v.pipe(v.number(), v.integer(), v.minValue(0))

/** Counters since the monitor was created, across restarts of its worker. */
export const MonitorStatistics = v.object({
  total_segments_analyzed: count,
  segments_failed: count,
  segments_skipped: count,
  blackout_events: count,
  silence_events: count,
  freeze_events: v.optional(count, 0),
  track_missing_events: v.optional(count, 0),
})
export type MonitorStatistics = v.InferOutput<typeof MonitorStatistics>

/** Counters of a new monitor. */
export const INITIAL_STATISTICS: MonitorStatistics = {
  total_segments_analyzed: 0,
  segments_failed: 0,
  segments_skipped: 0,
  blackout_events: 0,
  silence_events: 0,
  freeze_events: 0,
  track_missing_events: 0,
}

export const MonitorHealth = v.object({
  video: VideoHealth,
  audio: AudioHealth,
  last_check_at: v.nullable(v.pipe(v.string(), v.isoTimestamp())),
})
export type MonitorHealth = v.InferOutput<typeof MonitorHealth>

/** Health before the first segment is analysed. */
export const UNKNOWN_HEALTH: MonitorHealth = { video: 'unknown', audio: 'unknown', last_check_at: null }

/** Body of `PUT /internal/v1/monitors/{id}/status`: the worker's current state and the events since its last report. */
export const MonitorReport = v.object({
  ...CallNumber.entries,
  mode: WorkerMode,
  stream_status: StreamStatus,
  title: v.nullable(v.pipe(v.string(), v.maxLength(500), withoutNul())),
  health: MonitorHealth,
  statistics: MonitorStatistics,
  events: v.pipe(v.array(MonitorEvent), v.maxLength(50)),
  /** Opaque to the gateway, which returns it to the next worker that claims the assignment. */
  resume: v.pipe(v.record(v.string(), v.unknown()), withoutNul()),
})
export type MonitorReport = v.InferOutput<typeof MonitorReport>
