import { Hono } from 'hono'

import { KERNEL_ERRORS } from '../../errors.ts'
import { parse, requireJson } from '../../http/json-body.ts'
import { answers, describe } from '../../http/openapi.ts'
import { requireRole, requireSession } from '../accounts/session.ts'
import type { LiveContext } from '../context.ts'
import { LIVE_ERRORS } from '../errors.ts'
import { fileReport } from './file-report.ts'
import { listAudit } from './list-audit.ts'
import { changeRole, listUsers, restoreUser, suspendUser } from './moderate-users.ts'
import { AuditList, ModeratedUser, ModeratedUserList, SubjectList } from './present.ts'
import {
  AuditQuery,
  CloseReportsBody,
  FileReportBody,
  ReasonBody,
  ReportListQuery,
  RoleBody,
  UserListQuery,
} from './requests.ts'
import { closeReports, listReports } from './settle-reports.ts'
import { restoreArchive, takeDownArchive } from './take-down.ts'

const TAG = 'Moderation'
const DONE = 'It is done; repeated, the answer is the same.'
const { INVALID_CONFIG, FORBIDDEN } = KERNEL_ERRORS
const { USER_NOT_FOUND, STREAM_NOT_FOUND, ARCHIVE_NOT_FOUND, REPORT_NOT_FOUND, LAST_ADMIN, REPORTS_LIMITED } =
  LIVE_ERRORS

const DOCS = {
  file: describe(
    TAG,
    'Report a user, a broadcast or a recording to the moderators of the platform',
    {
      ...answers(204, null, DONE),
      errors: [INVALID_CONFIG, USER_NOT_FOUND, STREAM_NOT_FOUND, ARCHIVE_NOT_FOUND, REPORTS_LIMITED],
    },
    'session',
  ),
  reports: describe(
    TAG,
    'What users reported (moderators)',
    { ...answers(200, SubjectList, 'A page of it, the newest first.'), errors: [INVALID_CONFIG, FORBIDDEN] },
    'session',
  ),
  close: describe(
    TAG,
    'Close the reports of a subject by its id (moderators)',
    { ...answers(204, null, DONE), errors: [INVALID_CONFIG, FORBIDDEN, REPORT_NOT_FOUND] },
    'session',
  ),
  users: describe(
    TAG,
    'Users with their roles and suspensions (moderators)',
    { ...answers(200, ModeratedUserList, 'A page of them, the newest first.'), errors: [INVALID_CONFIG, FORBIDDEN] },
    'session',
  ),
  suspend: describe(
    TAG,
    'Suspend a user: broadcasts and sessions end (moderators)',
    { ...answers(200, ModeratedUser, 'The user.'), errors: [INVALID_CONFIG, FORBIDDEN, USER_NOT_FOUND] },
    'session',
  ),
  restore: describe(
    TAG,
    'Let a suspended user sign in again (moderators)',
    { ...answers(200, ModeratedUser, 'The user.'), errors: [FORBIDDEN, USER_NOT_FOUND] },
    'session',
  ),
  role: describe(
    TAG,
    'Give a user a role (admins)',
    { ...answers(200, ModeratedUser, 'The user.'), errors: [INVALID_CONFIG, FORBIDDEN, USER_NOT_FOUND, LAST_ADMIN] },
    'session',
  ),
  takeDown: describe(
    TAG,
    'Take a recording down: only its owner can open it (moderators)',
    { ...answers(204, null, DONE), errors: [INVALID_CONFIG, FORBIDDEN, ARCHIVE_NOT_FOUND] },
    'session',
  ),
  restoreArchive: describe(
    TAG,
    'Restore a recording that was taken down (moderators)',
    { ...answers(204, null, DONE), errors: [FORBIDDEN, ARCHIVE_NOT_FOUND] },
    'session',
  ),
  audit: describe(
    TAG,
    'What moderators and admins did (admins)',
    { ...answers(200, AuditList, 'A page of it, the newest first.'), errors: [INVALID_CONFIG, FORBIDDEN] },
    'session',
  ),
} as const

/** The first segments of the paths of the platform's moderation that no other part of live has. */
export const PLATFORM_PATHS = ['reports', 'audit'] as const

/** Returns the API by which the platform is moderated. */
export function platformRoutes(context: LiveContext): Hono {
  return new Hono().route('/', reportRoutes(context)).route('/', userRoutes(context)).route('/', archiveRoutes(context))
}

/** Returns the routes of reports, and of what moderators did. */
function reportRoutes(context: LiveContext): Hono {
  const routes = new Hono()
  for (const method of ['PUT', 'PATCH']) {
    routes.on(method, '/reports/:id', DOCS.close, requireJson, parse('json', CloseReportsBody), async (c) => {
      await closeReports(context, await requireRole(context, c, 'moderator'), c.req.param('id'), c.req.valid('json'))
      return c.body(null, 204)
    })
  }
  return routes
    .post('/reports', DOCS.file, requireJson, parse('json', FileReportBody), async (c) => {
      await fileReport(context, await requireSession(context, c), c.req.valid('json'))
      return c.body(null, 204)
    })
    .get('/reports', DOCS.reports, parse('query', ReportListQuery), async (c) => {
      await requireRole(context, c, 'moderator')
      return c.json(await listReports(context, c.req.valid('query')))
    })
    .get('/audit', DOCS.audit, parse('query', AuditQuery), async (c) => {
      await requireRole(context, c, 'admin')
      return c.json(await listAudit(context, c.req.valid('query')))
    })
}

/** Returns the routes of users as moderators see them. */
function userRoutes(context: LiveContext): Hono {
  return new Hono()
    .get('/users', DOCS.users, parse('query', UserListQuery), async (c) => {
      await requireRole(context, c, 'moderator')
      return c.json(await listUsers(context, c.req.valid('query')))
    })
    .put('/users/:id/suspension', DOCS.suspend, requireJson, parse('json', ReasonBody), async (c) => {
      const { reason } = c.req.valid('json')
      return c.json(await suspendUser(context, await requireRole(context, c, 'moderator'), c.req.param('id'), reason))
    })
    .delete('/users/:id/suspension', DOCS.restore, async (c) =>
      c.json(await restoreUser(context, await requireRole(context, c, 'moderator'), c.req.param('id'))),
    )
    .put('/users/:id/role', DOCS.role, requireJson, parse('json', RoleBody), async (c) => {
      const { role } = c.req.valid('json')
      return c.json(await changeRole(context, await requireRole(context, c, 'admin'), c.req.param('id'), role))
    })
}

/** Returns the routes by which recordings are taken down and restored. */
function archiveRoutes(context: LiveContext): Hono {
  return new Hono()
    .put('/archives/:id/takedown', DOCS.takeDown, requireJson, parse('json', ReasonBody), async (c) => {
      const { reason } = c.req.valid('json')
      await takeDownArchive(context, await requireRole(context, c, 'moderator'), c.req.param('id'), reason)
      return c.body(null, 204)
    })
    .delete('/archives/:id/takedown', DOCS.restoreArchive, async (c) => {
      await restoreArchive(context, await requireRole(context, c, 'moderator'), c.req.param('id'))
      return c.body(null, 204)
    })
}
