import * as v from 'valibot'

import { NoticePreferences } from '../present-preferences.ts'
import { TransactionView } from '../present-transaction.ts'
import { ROLES } from '../roles.ts'
import type { SessionRow } from './store/sessions.ts'
import type { User } from './store/users.ts'

const Moment = v.pipe(v.string(), v.isoTimestamp())

/** A user in a list. */
export const ListedUser = v.object({ user_id: v.string(), username: v.string(), created_at: Moment })

/** A user as everyone sees it. */
export const PublicUser = v.object({
  ...ListedUser.entries,
  /** What the user has written about the channel. */
  about: v.nullable(v.string()),
})
export type PublicUser = v.InferOutput<typeof PublicUser>

/** A user as the user sees it. */
export const OwnUser = v.object({
  ...PublicUser.entries,
  email: v.string(),
  /** Whether the user has proved to get what is sent to the address. */
  email_verified: v.boolean(),
  role: v.picklist(ROLES),
  updated_at: Moment,
})
export type OwnUser = v.InferOutput<typeof OwnUser>

/** Answer to `POST /auth/login`. */
export const Login = v.object({ token: v.string(), expires_at: Moment, user: OwnUser })
export type Login = v.InferOutput<typeof Login>

/** A session as its user sees it. */
const PublicSession = v.object({
  session_id: v.string(),
  created_at: Moment,
  expires_at: Moment,
  address: v.string(),
  user_agent: v.string(),
  /** Whether the request belongs to it. */
  is_current: v.boolean(),
})
type PublicSession = v.InferOutput<typeof PublicSession>

/** Answer to `GET /auth/sessions`. */
export const SessionList = v.object({ sessions: v.array(PublicSession), next_cursor: v.null() })
export type SessionList = v.InferOutput<typeof SessionList>

const ExportedStream = v.object({
  stream_id: v.string(),
  title: v.string(),
  description: v.string(),
  category: v.string(),
  tags: v.array(v.string()),
  visibility: v.string(),
  latency: v.string(),
  record: v.boolean(),
  dvr_sec: v.number(),
  chat_replay: v.boolean(),
  scheduled_for: v.nullable(Moment),
  created_at: Moment,
  started_at: v.nullable(Moment),
  ended_at: v.nullable(Moment),
})
const ExportedArchive = v.object({
  archive_id: v.string(),
  stream_id: v.string(),
  title: v.string(),
  visibility: v.string(),
  created_at: Moment,
})
const ExportedClip = v.object({ clip_id: v.string(), stream_id: v.string(), title: v.string(), created_at: Moment })
const ExportedFollow = v.object({
  user_id: v.string(),
  username: v.string(),
  notices: v.boolean(),
  email: v.boolean(),
  push: v.boolean(),
  followed_at: Moment,
})
const ExportedNotice = v.object({
  notification_id: v.string(),
  kind: v.string(),
  stream_id: v.string(),
  created_at: Moment,
  read_at: v.nullable(Moment),
})
const ExportedPushSubscription = v.object({
  subscription_id: v.string(),
  endpoint: v.string(),
  user_agent: v.string(),
  created_at: Moment,
})
const ExportedMessage = v.object({ id: v.string(), stream_id: v.string(), text: v.string(), at: Moment })

const ExportedReport = v.object({
  report_id: v.string(),
  kind: v.string(),
  /** Of the user, the broadcast, the recording or the message. */
  id: v.string(),
  reason: v.string(),
  created_at: Moment,
})

/** A platform that a broadcast is pushed to. Its key is in no answer. */
const ExportedTarget = v.object({ target_id: v.string(), stream_id: v.string(), url: v.string(), created_at: Moment })

/** Another user, and since when it is what the list says. */
const ExportedUser = v.object({ user_id: v.string(), username: v.string(), created_at: Moment })
const ExportedBan = v.object({
  ...ExportedUser.entries,
  /** `null`: for good. */
  until: v.nullable(Moment),
})

/** Answer to `GET /users/me/export`: the personal data of a user, newest first. */
export const UserExport = v.object({
  user: OwnUser,
  sessions: v.array(PublicSession),
  streams: v.array(ExportedStream),
  archives: v.array(ExportedArchive),
  /** Clips that the user has made, of own broadcasts and of others. */
  clips: v.array(ExportedClip),
  following: v.array(ExportedFollow),
  /** The newest 10,000. */
  notifications: v.array(ExportedNotice),
  notification_preferences: NoticePreferences,
  /** Where the faults of the user's broadcasts are sent. The secret that signs them is in no export. */
  fault_webhook_url: v.nullable(v.string()),
  push_subscriptions: v.array(ExportedPushSubscription),
  /** The language of mails. */
  language: v.string(),
  targets: v.array(ExportedTarget),
  /** Users whose messages the user does not want to see. */
  blocked_users: v.array(ExportedUser),
  /** Moderators of the user's chats, and those who are or were banned from these. */
  chat_moderators: v.array(ExportedUser),
  chat_bans: v.array(ExportedBan),
  /** The connected account at Stripe; `null`: there is none. */
  payout_account: v.nullable(v.string()),
  /** The newest 50,000 that are kept. */
  messages: v.array(ExportedMessage),
  /** What the user has reported to moderators: the newest 10,000. */
  reports: v.array(ExportedReport),
  /** Tips that the user has sent or gets: the newest 10,000. */
  transactions: v.array(TransactionView),
})
export type UserExport = v.InferOutput<typeof UserExport>

/** Answer to `POST /invitations`; the code is shown once. */
export const Invitation = v.object({ invitation: v.string(), expires_at: Moment })
export type Invitation = v.InferOutput<typeof Invitation>

/** Returns a user as everyone sees it. */
export function presentUser(user: User): PublicUser {
  const { userId, username, about, createdAt } = user
  return { user_id: userId, username, about, created_at: createdAt.toISOString() }
}

/** Returns a user as the user sees it. */
export function presentOwnUser(user: User): OwnUser {
  return {
    ...presentUser(user),
    email: user.email,
    email_verified: user.emailVerifiedAt !== null,
    role: user.role,
    updated_at: user.updatedAt.toISOString(),
  }
}

/** Returns a session as its user sees it. */
export function presentSession(row: SessionRow, currentId: string): PublicSession {
  return {
    session_id: row.sessionId,
    created_at: row.createdAt.toISOString(),
    expires_at: row.expiresAt.toISOString(),
    address: row.address,
    user_agent: row.userAgent,
    is_current: row.sessionId === currentId,
  }
}
