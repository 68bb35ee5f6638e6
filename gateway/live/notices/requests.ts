import * as v from 'valibot'

import { objectProblem } from '../../http/json-body.ts'
import { Cursor, Limit } from '../../http/paging.ts'

/** Query of `GET /notifications`. */
export const NoticeListQuery = v.strictObject({ cursor: Cursor, limit: Limit }, objectProblem)
export type NoticeListQuery = v.InferOutput<typeof NoticeListQuery>

const Wanted = v.optional(v.boolean('must be true or false'))

const SentKinds = v.optional(
  v.strictObject({ scheduled: Wanted, soon: Wanted, live: Wanted, missed: Wanted, alert: Wanted }, objectProblem),
)

/** Body of `PUT /notifications/preferences`: what it names is changed. */
export const NoticePreferencesBody = v.strictObject(
  { scheduled: Wanted, soon: Wanted, live: Wanted, email: SentKinds, push: SentKinds },
  objectProblem,
)
export type NoticePreferencesBody = v.InferOutput<typeof NoticePreferencesBody>
