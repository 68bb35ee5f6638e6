import * as v from 'valibot'

import { UUID } from '../../../shared/ids.ts'
import { objectProblem } from '../../http/json-body.ts'
import { Cursor, Limit } from '../../http/paging.ts'
import { ROLES } from '../roles.ts'
import { line } from '../rules/title.ts'

const Id = v.pipe(v.string('must be an id'), v.regex(UUID, 'must be an id'))

/** What can be reported by `POST /reports`; messages have a route of their own in their chat. */
const REPORTABLE = ['user', 'stream', 'archive'] as const

/** Body of `POST /reports`. */
export const FileReportBody = v.strictObject(
  {
    kind: v.picklist(REPORTABLE, `must be one of: ${REPORTABLE.join(', ')}`),
    id: Id,
    reason: line(1, 500),
  },
  objectProblem,
)
export type FileReportBody = v.InferOutput<typeof FileReportBody>

/** Query of `GET /reports`. */
export const ReportListQuery = v.strictObject(
  {
    state: v.optional(v.picklist(['open', 'closed'], 'must be open or closed'), 'open'),
    cursor: Cursor,
    limit: Limit,
  },
  objectProblem,
)
export type ReportListQuery = v.InferOutput<typeof ReportListQuery>

/** Body of `PUT` and `PATCH /reports/{id}`. */
export const CloseReportsBody = v.strictObject(
  { state: v.literal('closed', 'must be closed'), reason: v.optional(line(0, 500), '') },
  objectProblem,
)
export type CloseReportsBody = v.InferOutput<typeof CloseReportsBody>

/** Body of `PUT /users/{id}/suspension` and `PUT /archives/{id}/takedown`. */
export const ReasonBody = v.strictObject({ reason: line(1, 500) }, objectProblem)
export type ReasonBody = v.InferOutput<typeof ReasonBody>

/** Body of `PUT /users/{id}/role`. */
export const RoleBody = v.strictObject(
  { role: v.picklist(ROLES, `must be one of: ${ROLES.join(', ')}`) },
  objectProblem,
)
export type RoleBody = v.InferOutput<typeof RoleBody>

/** Query of `GET /users`. */
export const UserListQuery = v.strictObject(
  {
    /** Begin of the username, in any case, or the id. */
    q: v.optional(line(0, 50), ''),
    role: v.optional(v.picklist(ROLES, `must be one of: ${ROLES.join(', ')}`)),
    suspended: v.optional(v.picklist(['true', 'false'], 'must be true or false')),
    cursor: Cursor,
    limit: Limit,
  },
  objectProblem,
)
export type UserListQuery = v.InferOutput<typeof UserListQuery>

/** Query of `GET /audit`. */
export const AuditQuery = v.strictObject({ cursor: Cursor, limit: Limit }, objectProblem)
export type AuditQuery = v.InferOutput<typeof AuditQuery>
