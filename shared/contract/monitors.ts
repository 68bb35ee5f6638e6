import * as v from 'valibot'

import { CallNumber } from './assignment.ts'
import { MonitorEvent } from './events.ts'
import { withoutNul } from './text.ts'

/** A monitor's settings with every default filled in, as the gateway stores them and hands them to the worker. */
export const MonitorConfig = v.object({
  check_interval_sec: v.number(),
  blackout_threshold_sec: v.number(),
  silence_threshold_sec: v.number(),
  silence_db_threshold: v.number(),
  scheduled_start_time: v.nullable(v.string()),
  scheduled_end_time: v.nullable(v.string()),
  start_delay_tolerance_sec: v.number(),
  freeze_threshold_sec: v.number(),
  coverage: v.picklist(['every', 'latest']),
  webhook_policy: v.picklist(['strict', 'durable']),
})
export type MonitorConfig = v.InferOutput<typeof MonitorConfig>

/** What the worker says of the stream itself. */
export const StreamStatus = v.picklist(['unknown', 'scheduled', 'live', 'ended'])
export type StreamStatus = v.InferOutput<typeof StreamStatus>

/** What the last analysed segment showed of one side; `absent`: the stream carries no such track. */
export const VideoHealth = v.picklist(['unknown', 'ok', 'black', 'absent'])
export const AudioHealth = v.picklist(['unknown', 'ok', 'silent', 'absent'])

/** Where the worker is in its life, which the gateway turns into the monitor's status. */
export const WorkerMode = v.picklist(['initializing', 'waiting', 'monitoring', 'completed', 'error'])
export type WorkerMode = v.InferOutput<typeof WorkerMode>

const count = v.pipe(v.number(), v.integer(), v.minValue(0))

/** Counters since the monitor was made, across restarts of its worker. */
export const MonitorStatistics = v.object({
  total_segments_analyzed: count,
  segments_failed: count,
  segments_skipped: count,
  blackout_events: count,
  silence_events: count,
})
export type MonitorStatistics = v.InferOutput<typeof MonitorStatistics>

/** Where every monitor's counters begin. */
export const NO_STATISTICS: MonitorStatistics = {
  total_segments_analyzed: 0,
  segments_failed: 0,
  segments_skipped: 0,
  blackout_events: 0,
  silence_events: 0,
}

export const MonitorHealth = v.object({
  video: VideoHealth,
  audio: AudioHealth,
  last_check_at: v.nullable(v.pipe(v.string(), v.isoTimestamp())),
})
export type MonitorHealth = v.InferOutput<typeof MonitorHealth>

/** The health of a stream of which nothing has been seen. */
export const UNSEEN_HEALTH: MonitorHealth = { video: 'unknown', audio: 'unknown', last_check_at: null }

/** `PUT /internal/v1/monitors/{id}/status`: all that the worker knows, and the events since its last report. */
export const MonitorReport = v.object({
  ...CallNumber.entries,
  mode: WorkerMode,
  stream_status: StreamStatus,
  title: v.nullable(v.pipe(v.string(), v.maxLength(500), withoutNul())),
  health: MonitorHealth,
  statistics: MonitorStatistics,
  events: v.pipe(v.array(MonitorEvent), v.maxLength(50)),
  /** Opaque to the gateway: handed back to the worker that claims next. */
  resume: v.pipe(v.record(v.string(), v.unknown()), withoutNul()),
})
export type MonitorReport = v.InferOutput<typeof MonitorReport>
