import * as v from 'valibot'

import { UUID } from '../../../../shared/ids.ts'
import { objectProblem } from '../../../http/json-body.ts'
import { intIn } from '../../../http/request-fields.ts'
import { line } from '../../rules/title.ts'

const MAX_SLOW_SEC = 3600
const MAX_WORDS = 200
/** Two weeks. */
const MAX_TIMEOUT_SEC = 1_209_600

const Id = v.pipe(v.string('must be an id'), v.regex(UUID, 'must be an id'))

/** Body of `PUT` and `PATCH /streams/{id}/room`: what it names is changed. */
export const UpdateRoomBody = v.partial(
  v.strictObject(
    {
      slow_mode_sec: intIn(0, MAX_SLOW_SEC, ' seconds; 0 turns it off'),
      followers_only: v.boolean('must be true or false'),
      blocked_words: v.pipe(
        v.array(line(1, 50), 'must be a list of words'),
        v.maxLength(MAX_WORDS, `must have at most ${MAX_WORDS} words`),
      ),
      pinned: v.nullable(Id),
    },
    objectProblem,
  ),
)
export type UpdateRoomBody = v.InferOutput<typeof UpdateRoomBody>

/** Body of `PUT /streams/{id}/bans/{user}`. */
export const BanBody = v.strictObject(
  {
    duration_sec: v.optional(
      v.nullable(intIn(1, MAX_TIMEOUT_SEC, ' seconds; null bans for good, and more is not possible')),
      null,
    ),
    delete_messages: v.optional(v.boolean('must be true or false'), true),
  },
  objectProblem,
)
export type BanBody = v.InferOutput<typeof BanBody>

/** Body of `POST /streams/{id}/messages/{message}/reports`. */
export const ReportBody = v.strictObject({ reason: v.optional(line(0, 500), '') }, objectProblem)
export type ReportBody = v.InferOutput<typeof ReportBody>

/** Body of `POST /blocks`. */
export const BlockBody = v.strictObject({ user_id: Id }, objectProblem)
export type BlockBody = v.InferOutput<typeof BlockBody>
