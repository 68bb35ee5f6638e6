import * as v from 'valibot'

import { objectProblem } from '../../http/json-body.ts'
import { Cursor, Limit } from '../../http/paging.ts'

/** Body of `POST /follows`. */
export const FollowBody = v.strictObject(
  { user_id: v.pipe(v.string('must be the id of a user'), v.regex(/^[\w-]{1,50}$/, 'must be the id of a user')) },
  objectProblem,
)
export type FollowBody = v.InferOutput<typeof FollowBody>

const Wanted = v.optional(v.boolean('must be true or false'))

/** Body of `PUT` and `PATCH /follows/{id}`: what it names is changed. */
export const UpdateFollowBody = v.pipe(
  v.strictObject({ notices: Wanted, email: Wanted, push: Wanted }, objectProblem),
  v.check((body) => Object.keys(body).length > 0, 'must name notices, email or push'),
)
export type UpdateFollowBody = v.InferOutput<typeof UpdateFollowBody>

/** Query of `GET /users/{id}/followers` and `/following`. */
export const FollowListQuery = v.strictObject({ cursor: Cursor, limit: Limit }, objectProblem)
export type FollowListQuery = v.InferOutput<typeof FollowListQuery>
