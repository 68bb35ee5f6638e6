import { limitAction } from '../accounts/limit-attempts.ts'
import { userNotFound } from '../accounts/path-user.ts'
import type { SignedIn } from '../accounts/session.ts'
import { findUser } from '../accounts/store/users.ts'
import { findWatchableArchive } from '../archives/read-archives.ts'
import { findWatchableStream } from '../broadcasts/find-own-stream.ts'
import type { LiveContext } from '../context.ts'
import { LIVE_ERRORS } from '../errors.ts'
import { insertReport, type ReportSubject } from '../store/reports.ts'
import type { FileReportBody } from './requests.ts'

/** Reports of one user within a window. */
const FILED_REPORTS = { action: 'report', max: 50, windowSec: 900 }

/** Finds what a user reports, where the user may know of it. */
const FIND_SUBJECT: Readonly<
  Record<FileReportBody['kind'], (context: LiveContext, reporter: SignedIn, id: string) => Promise<ReportSubject>>
> = {
  async user({ db }, _reporter, id) {
    const user = await findUser(db, id)
    if (user === null) throw userNotFound()
    return { kind: 'user', subjectId: id, streamId: null, userId: id, text: user.username }
  },
  async stream({ db }, reporter, id) {
    const { stream } = await findWatchableStream(db, reporter, id)
    return { kind: 'stream', subjectId: id, streamId: id, userId: stream.userId, text: stream.title }
  },
  async archive(context, reporter, id) {
    const { archive } = await findWatchableArchive(context, reporter, id)
    const { streamId, userId, title } = archive
    return { kind: 'archive', subjectId: id, streamId, userId, text: title }
  },
}

/**
 * Returns what a user would report.
 * @throws BrokenRule USER_NOT_FOUND, STREAM_NOT_FOUND, ARCHIVE_NOT_FOUND
 */
export function findReported(
  context: LiveContext,
  reporter: SignedIn,
  { kind, id }: Pick<FileReportBody, 'kind' | 'id'>,
): Promise<ReportSubject> {
  return FIND_SUBJECT[kind](context, reporter, id)
}

/**
 * Reports a user, a broadcast or a recording to the moderators of the platform.
 * @throws BrokenRule USER_NOT_FOUND, STREAM_NOT_FOUND, ARCHIVE_NOT_FOUND, REPORTS_LIMITED
 */
export async function fileReport(
  context: LiveContext,
  reporter: SignedIn,
  { reason, ...named }: FileReportBody,
): Promise<void> {
  await recordReport(context, reporter, await findReported(context, reporter, named), reason)
}

/** Records a report of a user; a second one of the same subject changes nothing. @throws BrokenRule REPORTS_LIMITED */
export async function recordReport(
  { db }: LiveContext,
  { user }: SignedIn,
  subject: ReportSubject,
  reason: string,
): Promise<void> {
  await limitAction(db, user.userId, FILED_REPORTS, {
    error: LIVE_ERRORS.REPORTS_LIMITED,
    problem: 'too many reports were sent',
  })
  await insertReport(db, subject, user.userId, reason)
}
