import * as v from 'valibot'

import { presentUser, PublicUser } from '../accounts/present.ts'
import type { User } from '../accounts/store/users.ts'
import { ROLES } from '../roles.ts'
import { AUDIT_ACTIONS } from '../rules/audit-action.ts'
import { REPORT_KINDS } from '../rules/report-kind.ts'
import type { OwnedArchive } from '../store/archives.ts'
import type { NamedAuditEntry } from '../store/audit.ts'
import type { ReportedSubject } from '../store/reports.ts'

const Moment = v.pipe(v.string(), v.isoTimestamp())
const NamedUserView = v.object({ user_id: v.string(), username: v.string() })

/** A user as moderators see it. */
export const ModeratedUser = v.object({
  ...PublicUser.entries,
  role: v.picklist(ROLES),
  suspension: v.nullable(v.object({ at: Moment, reason: v.string() })),
})
export type ModeratedUser = v.InferOutput<typeof ModeratedUser>

/** Answer to `GET /users`. */
export const ModeratedUserList = v.object({ users: v.array(ModeratedUser), next_cursor: v.nullable(v.string()) })
export type ModeratedUserList = v.InferOutput<typeof ModeratedUserList>

/** What was reported: all open reports of it, or all closed ones. */
const SubjectView = v.object({
  kind: v.picklist(REPORT_KINDS),
  /** Id of the user, the broadcast, the recording or the message. */
  id: v.string(),
  /** The broadcast that it belongs to. */
  stream_id: v.nullable(v.string()),
  /** Who is responsible for it. */
  user: NamedUserView,
  /** The message, the title or the name, as it was. */
  text: v.string(),
  /** How many users reported it, and what they say. */
  reports: v.number(),
  reasons: v.array(v.string()),
  last_at: Moment,
})
export type SubjectView = v.InferOutput<typeof SubjectView>

/** Answer to `GET /reports`. */
export const SubjectList = v.object({ reports: v.array(SubjectView), next_cursor: v.nullable(v.string()) })
export type SubjectList = v.InferOutput<typeof SubjectList>

/** What a moderator or an admin did. */
const AuditEntryView = v.object({
  entry_id: v.string(),
  /** `null`: an operator at the command line, or an account that is deleted. */
  actor: v.nullable(NamedUserView),
  action: v.picklist(AUDIT_ACTIONS),
  /** `name` is the one that it has today; `null` where it is gone. */
  target: v.object({ kind: v.picklist(REPORT_KINDS), id: v.string(), name: v.nullable(v.string()) }),
  reason: v.string(),
  /** The network address that the actor called from; `null`: the command line, or an account that is deleted. */
  address: v.nullable(v.string()),
  at: Moment,
})
export type AuditEntryView = v.InferOutput<typeof AuditEntryView>

/** Answer to `GET /audit`. */
export const AuditList = v.object({ entries: v.array(AuditEntryView), next_cursor: v.nullable(v.string()) })
export type AuditList = v.InferOutput<typeof AuditList>

/** Returns a user as moderators see it. */
export function presentModeratedUser(user: User): ModeratedUser {
  const { role, suspendedAt, suspensionReason } = user
  const suspension = suspendedAt === null ? null : { at: suspendedAt.toISOString(), reason: suspensionReason ?? '' }
  return { ...presentUser(user), role, suspension }
}

/** Returns what was reported as moderators see it. */
export function presentSubject(subject: ReportedSubject): SubjectView {
  const { kind, subjectId, streamId, userId, username, text, reasons, lastAt } = subject
  return {
    kind,
    id: subjectId,
    stream_id: streamId,
    user: { user_id: userId, username },
    text,
    reports: reasons.length,
    reasons: reasons.filter((reason) => reason !== ''),
    last_at: lastAt.toISOString(),
  }
}

/** Returns an action as admins see it. */
export function presentAuditEntry(entry: NamedAuditEntry): AuditEntryView {
  const { entryId, actor, action, targetKind, targetId, targetName, reason, address, createdAt } = entry
  return {
    entry_id: entryId,
    actor: actor === null ? null : { user_id: actor.userId, username: actor.username },
    action,
    target: { kind: targetKind, id: targetId, name: targetName },
    reason,
    address,
    at: createdAt.toISOString(),
  }
}

/** A recording that is taken down. */
export type TakenDownView = {
  readonly archive_id: string
  readonly title: string
  readonly user: { readonly user_id: string; readonly username: string }
  readonly at: string
  readonly reason: string
}

/** Returns recordings that are taken down as moderators see them. */
export function presentTakenDown(rows: readonly OwnedArchive[]): TakenDownView[] {
  return rows.flatMap(({ archive, stream: { takeDown }, username }) => {
    if (takeDown === null) return []
    const { archiveId, title, userId } = archive
    const { at, reason } = takeDown
    return [{ archive_id: archiveId, title, user: { user_id: userId, username }, at, reason }]
  })
}
