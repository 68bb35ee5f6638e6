import * as v from 'valibot'

import { PinnedView } from '../present.ts'
import type { ChatBan } from '../store/bans.ts'
import type { NamedUser } from '../store/moderators.ts'
import type { ReportedMessage } from '../../store/reports.ts'

const Moment = v.pipe(v.string(), v.isoTimestamp())
const UserName = v.object({ user_id: v.string(), username: v.string() })
type UserName = v.InferOutput<typeof UserName>

/** The settings of a chat, and what the viewer is in it. */
export const RoomView = v.object({
  slow_mode_sec: v.number(),
  /** Whether only followers of the channel, its owner and moderators may write. */
  followers_only: v.boolean(),
  pinned: v.nullable(PinnedView),
  /** For its moderators; `null` for others. */
  blocked_words: v.nullable(v.array(v.string())),
  role: v.picklist(['owner', 'moderator', 'viewer']),
  /** A moment, or `forever`; `null` where the viewer may write. */
  banned_until: v.nullable(v.string()),
  /** The number of the newest entry. */
  last_seq: v.number(),
})
export type RoomView = v.InferOutput<typeof RoomView>

const BanView = v.object({ user: UserName, until: v.nullable(Moment), created_at: Moment })
type BanView = v.InferOutput<typeof BanView>

/** Answer to `GET /streams/{id}/bans`. */
export const BanList = v.object({ bans: v.array(BanView), next_cursor: v.null() })
export type BanList = v.InferOutput<typeof BanList>

/** Answer to `GET /streams/{id}/moderators` and `GET /blocks`. */
export const UserList = v.object({ users: v.array(UserName), next_cursor: v.null() })
export type UserList = v.InferOutput<typeof UserList>

const ReportView = v.object({
  message_id: v.string(),
  user: UserName,
  text: v.string(),
  /** What those who reported it say. */
  reasons: v.array(v.string()),
  last_at: Moment,
})

/** Answer to `GET /streams/{id}/reports`. */
export const ReportList = v.object({ reports: v.array(ReportView), next_cursor: v.null() })
export type ReportList = v.InferOutput<typeof ReportList>

/** Returns a list of users. */
export function presentUsers(users: readonly NamedUser[]): UserList {
  return { users: users.map(presentUser), next_cursor: null }
}

function presentUser({ userId, username }: NamedUser): UserName {
  return { user_id: userId, username }
}

/** Returns a list of bans. */
export function presentBans(bans: readonly ChatBan[]): BanList {
  const views = bans.map((ban) => ({
    user: presentUser(ban),
    until: ban.until?.toISOString() ?? null,
    created_at: ban.createdAt.toISOString(),
  }))
  return { bans: views, next_cursor: null }
}

/** Returns a list of reported messages. */
export function presentReports(reports: readonly ReportedMessage[]): ReportList {
  const views = reports.map(({ entryId, text, reasons, lastAt, ...user }) => ({
    message_id: entryId,
    user: presentUser(user),
    text,
    reasons: reasons.filter((reason) => reason !== ''),
    last_at: lastAt.toISOString(),
  }))
  return { reports: views, next_cursor: null }
}
