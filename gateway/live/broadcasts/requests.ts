import * as v from 'valibot'

import { Latency } from '../../../shared/contract/live.ts'
import { objectProblem } from '../../http/json-body.ts'
import { Cursor, EMPTY_IS_ABSENT, Limit } from '../../http/paging.ts'
import { intIn, Moment } from '../../http/request-fields.ts'
import { BROADCAST_STATES } from '../rules/broadcast-state.ts'
import { line, Title } from '../rules/title.ts'
import { Visibility } from '../rules/visibility.ts'

const MAX_TAGS = 10
const DEFAULT_DVR_SEC = 7200
const MAX_DVR_SEC = 43_200

const Description = v.pipe(
  v.string('must be a string'),
  v.trim(),
  v.maxLength(5000, 'must have at most 5000 characters'),
  // Lines may break; Postgres takes no null character.
  v.regex(/^(?:\P{Cc}|[\n\r\t])*$/u, 'must not have control characters'),
)

const Tags = v.pipe(
  v.array(line(1, 30), 'must be a list of strings'),
  v.maxLength(MAX_TAGS, `must have at most ${MAX_TAGS} entries`),
)

const FIELDS = {
  title: Title,
  description: Description,
  category: line(0, 50),
  tags: Tags,
  scheduled_for: v.nullable(Moment),
  visibility: Visibility,
  latency: Latency,
  record: v.boolean('must be true or false'),
  chat_replay: v.boolean('must be true or false'),
  dvr_sec: intIn(0, MAX_DVR_SEC, ' seconds; 0 turns it off'),
}

/** Body of `POST /streams`. */
export const CreateStreamBody = v.strictObject(
  {
    title: FIELDS.title,
    description: v.optional(FIELDS.description, ''),
    category: v.optional(FIELDS.category, ''),
    tags: v.optional(FIELDS.tags, []),
    scheduled_for: v.optional(FIELDS.scheduled_for, null),
    visibility: v.optional(FIELDS.visibility, 'public'),
    latency: v.optional(FIELDS.latency, 'low'),
    record: v.optional(FIELDS.record, true),
    chat_replay: v.optional(FIELDS.chat_replay, true),
    dvr_sec: v.optional(FIELDS.dvr_sec, DEFAULT_DVR_SEC),
  },
  objectProblem,
)
export type CreateStreamBody = v.InferOutput<typeof CreateStreamBody>

/** Body of `PUT` and `PATCH /streams/{id}`: what it names is changed. */
export const UpdateStreamBody = v.partial(v.strictObject(FIELDS, objectProblem))
export type UpdateStreamBody = v.InferOutput<typeof UpdateStreamBody>

const given = line(0, 100)

/** Query of `GET /streams`. */
export const StreamListQuery = v.strictObject(
  {
    state: v.optional(v.picklist(BROADCAST_STATES, `must be one of: ${BROADCAST_STATES.join(', ')}`)),
    user: v.optional(v.pipe(given, EMPTY_IS_ABSENT)),
    category: v.optional(v.pipe(given, EMPTY_IS_ABSENT)),
    q: v.optional(v.pipe(given, EMPTY_IS_ABSENT)),
    cursor: Cursor,
    limit: Limit,
  },
  objectProblem,
)
export type StreamListQuery = v.InferOutput<typeof StreamListQuery>
