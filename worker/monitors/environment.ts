import * as v from 'valibot'

import { MONITOR_ID, MonitorConfig } from '../../shared/contract/monitors.ts'
import { Duration } from '../../shared/durations.ts'
import { HttpUrl, NonEmptyText, WorkerEnvironment } from '../environment.ts'

const Bytes = v.pipe(v.string(), v.regex(/^[1-9]\d{0,9}$/, 'must be a whole number of bytes'), v.transform(Number))

/** Environment variables of a monitor's worker. Parsed durations are in ms. */
export const MonitorEnvironment = v.object({
  ...WorkerEnvironment.entries,
  MONITOR_ID: v.pipe(v.string(), v.regex(MONITOR_ID, 'must be a monitor id')),
  STREAM_URL: HttpUrl,
  CONFIG_JSON: v.pipe(v.string(), v.parseJson(undefined, 'must be JSON'), MonitorConfig),
  FFMPEG_PATH: v.optional(NonEmptyText, 'ffmpeg'),
  YTDLP_PATH: v.optional(NonEmptyText, 'yt-dlp'),
  STREAMLINK_PATH: v.optional(NonEmptyText, 'streamlink'),
  WAITING_MODE_INITIAL_INTERVAL: v.optional(Duration, '30s'),
  WAITING_MODE_DELAYED_INTERVAL: v.optional(Duration, '10s'),
  MANIFEST_FETCH_TIMEOUT: v.optional(Duration, '10s'),
  MANIFEST_REFRESH_INTERVAL: v.optional(Duration, '30s'),
  SEGMENT_FETCH_TIMEOUT: v.optional(Duration, '30s'),
  SEGMENT_MAX_BYTES: v.optional(Bytes, '10485760'),
})
export type MonitorEnvironment = v.InferOutput<typeof MonitorEnvironment>
