import * as v from 'valibot'

import { objectProblem } from '../../http/json-body.ts'
import { Cursor, EMPTY_IS_ABSENT, Limit } from '../../http/paging.ts'
import { Title } from '../rules/title.ts'
import { Visibility } from '../rules/visibility.ts'

/** Body of `PUT` and `PATCH /archives/{id}`: what it names is changed. */
export const UpdateArchiveBody = v.strictObject(
  { title: v.optional(Title), visibility: v.optional(Visibility) },
  objectProblem,
)
export type UpdateArchiveBody = v.InferOutput<typeof UpdateArchiveBody>

/** Query of `GET /archives`. */
export const ArchiveListQuery = v.strictObject(
  {
    user: v.optional(v.pipe(v.string('must be given once'), v.maxLength(100, 'is too long'), EMPTY_IS_ABSENT)),
    cursor: Cursor,
    limit: Limit,
  },
  objectProblem,
)
export type ArchiveListQuery = v.InferOutput<typeof ArchiveListQuery>
