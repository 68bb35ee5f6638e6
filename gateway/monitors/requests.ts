import * as v from 'valibot'

import { parseStreamUrl, type StreamPolicy, type StreamUrl } from '../../shared/net/stream-url.ts'
import { KERNEL_ERRORS, type ErrorCode } from '../errors.ts'
import { Cursor, Limit, Offset } from '../http/paging.ts'
import { objectProblem, type FieldProblem } from '../http/json-body.ts'
import {
  guardedUrl,
  intIn,
  Metadata,
  Moment,
  numberIn,
  PlainObject,
  urlField,
  type UrlReading,
} from '../http/request-fields.ts'
import { MONITOR_STATUSES } from './status.ts'

const Threshold = numberIn(1, 3600, ' seconds')

/** `config` of a monitor, with its defaults. */
const Config = v.pipe(
  PlainObject,
  v.strictObject(
    {
      check_interval_sec: v.optional(intIn(1, 300, ' seconds'), 10),
      blackout_threshold_sec: v.optional(Threshold, 30),
      silence_threshold_sec: v.optional(Threshold, 30),
      silence_db_threshold: v.optional(numberIn(-90, 0, ' dB'), -50),
      scheduled_start_time: v.optional(v.nullable(Moment), null),
      scheduled_end_time: v.optional(v.nullable(Moment), null),
      start_delay_tolerance_sec: v.optional(intIn(0, 86_400, ' seconds'), 300),
      freeze_threshold_sec: v.optional(numberIn(0, 3600, ' seconds; 0 turns it off'), 30),
      track_threshold_sec: v.optional(numberIn(0, 3600, ' seconds; 0 turns it off'), 10),
      coverage: v.optional(v.picklist(['every', 'latest'], 'must be every or latest'), 'every'),
      webhook_policy: v.optional(v.picklist(['strict', 'durable'], 'must be strict or durable'), 'strict'),
    },
    objectProblem,
  ),
  v.forward(
    v.check(({ scheduled_start_time: start, scheduled_end_time: end }) => {
      return end === null || Date.parse(end) > Math.max(Date.now(), start === null ? 0 : Date.parse(start))
    }, 'must be in the future and after scheduled_start_time'),
    ['scheduled_end_time'],
  ),
)

/** Returns the schema of the body of `POST /monitors` under the settings' policy; `stream_url` is parsed. */
export function createMonitorBody(policy: StreamPolicy) {
  return v.strictObject(
    {
      stream_url: urlField(
        (text) => readStream(text, policy),
        ({ url }) => url,
      ),
      callback_url: guardedUrl(policy),
      config: v.optional(Config, {}),
      metadata: v.optional(Metadata, {}),
    },
    objectProblem,
  )
}

export type CreateMonitorBody = v.InferOutput<ReturnType<typeof createMonitorBody>>

function readStream(text: string, policy: StreamPolicy): UrlReading<StreamUrl> {
  const verdict = parseStreamUrl(text, policy)
  return verdict.ok ? { ok: true, read: verdict.stream } : verdict
}

/** Returns INVALID_URL where a URL is among the wrong fields, else INVALID_CONFIG. */
export function codeOfCreation(problems: readonly FieldProblem[]): ErrorCode {
  const isAboutUrl = problems.some(({ field }) => field === 'stream_url' || field === 'callback_url')
  return isAboutUrl ? KERNEL_ERRORS.INVALID_URL : KERNEL_ERRORS.INVALID_CONFIG
}

/** Query of `GET /monitors`. */
export const ListMonitorsQuery = v.pipe(
  v.strictObject(
    {
      status: v.optional(v.picklist(MONITOR_STATUSES, `must be one of ${MONITOR_STATUSES.join(', ')}`)),
      limit: Limit,
      offset: Offset,
      cursor: Cursor,
    },
    objectProblem,
  ),
  v.forward(
    v.check(({ cursor, offset }) => cursor === undefined || offset === 0, 'cannot be given together with cursor'),
    ['offset'],
  ),
)
export type ListMonitorsQuery = v.InferOutput<typeof ListMonitorsQuery>

/** Query of `GET /monitors/{id}/events`. */
export const ListEventsQuery = v.strictObject({ limit: Limit, cursor: Cursor }, objectProblem)
export type ListEventsQuery = v.InferOutput<typeof ListEventsQuery>
