import type { LiveContext } from '../context.ts'
import { listSessions } from './list-sessions.ts'
import { presentOwnUser, type UserExport } from './present.ts'
import type { SignedIn } from './session.ts'
import { presentPreferences } from '../present-preferences.ts'
import { findFaultWebhook } from '../store/fault-webhooks.ts'
import { readPreferences } from '../store/notice-preferences.ts'
import { presentTransaction } from '../present-transaction.ts'
import { findPayoutAccount, readTransactionPage } from '../store/transactions.ts'
import { readPersonalData } from './store/personal-data.ts'

/** Tips of an export: the newest ones. */
const MAX_TRANSACTIONS = 10_000

/** Returns the personal data of the signed-in user: the account, what the user has made, and what others did for the user. */
export async function exportUser(context: LiveContext, signedIn: SignedIn): Promise<UserExport> {
  const ownId = signedIn.user.userId
  const { sessions } = await listSessions(context, signedIn)
  const { broadcasts, recordings, clips, messages, filed, ...others } = await readPersonalData(context.db, ownId)
  const tips = await readTransactionPage(context.db, ownId, { before: null, limit: MAX_TRANSACTIONS })
  return {
    user: presentOwnUser(signedIn.user),
    sessions,
    streams: broadcasts.map(presentBroadcast),
    archives: recordings.map(({ archiveId, streamId, title, visibility, createdAt }) => ({
      archive_id: archiveId,
      stream_id: streamId,
      title,
      visibility,
      created_at: createdAt.toISOString(),
    })),
    clips: clips.map(({ clipId, streamId, title, createdAt }) => ({
      clip_id: clipId,
      stream_id: streamId,
      title,
      created_at: createdAt.toISOString(),
    })),
    ...presentFollowData(others),
    ...presentChannelData(others),
    payout_account: await findPayoutAccount(context.db, ownId),
    language: signedIn.user.language,
    fault_webhook_url: (await findFaultWebhook(context.db, ownId))?.url ?? null,
    notification_preferences: presentPreferences(await readPreferences(context.db, ownId)),
    messages: messages.map(({ entryId, streamId, text, createdAt }) => ({
      id: entryId,
      stream_id: streamId,
      text,
      at: createdAt.toISOString(),
    })),
    reports: filed.map(({ reportId, kind, subjectId, reason, createdAt }) => ({
      report_id: reportId,
      kind,
      id: subjectId,
      reason,
      created_at: createdAt.toISOString(),
    })),
    transactions: tips.map((tip) => presentTransaction(tip, ownId)),
  }
}

type PersonalData = Awaited<ReturnType<typeof readPersonalData>>

function presentBroadcast(broadcast: PersonalData['broadcasts'][number]): UserExport['streams'][number] {
  const { streamId, isRecorded, dvrSec, keepsChat, scheduledFor, createdAt, startedAt, endedAt, ...about } = broadcast
  return {
    stream_id: streamId,
    ...about,
    record: isRecorded,
    dvr_sec: dvrSec,
    chat_replay: keepsChat,
    scheduled_for: scheduledFor?.toISOString() ?? null,
    created_at: createdAt.toISOString(),
    started_at: startedAt?.toISOString() ?? null,
    ended_at: endedAt?.toISOString() ?? null,
  }
}

type ChannelData = Pick<PersonalData, 'targets' | 'blocked' | 'moderators' | 'bans'>
type ExportedChannelData = Pick<UserExport, 'targets' | 'blocked_users' | 'chat_moderators' | 'chat_bans'>

function presentChannelData({ targets, blocked, moderators, bans }: ChannelData): ExportedChannelData {
  return {
    targets: targets.map(({ targetId, streamId, url, createdAt }) => ({
      target_id: targetId,
      stream_id: streamId,
      url,
      created_at: createdAt.toISOString(),
    })),
    blocked_users: blocked.map(presentOtherUser),
    chat_moderators: moderators.map(presentOtherUser),
    chat_bans: bans.map((ban) => ({ ...presentOtherUser(ban), until: ban.until?.toISOString() ?? null })),
  }
}

function presentOtherUser({ userId, username, createdAt }: ChannelData['blocked'][number]) {
  return { user_id: userId, username, created_at: createdAt.toISOString() }
}

type FollowData = Pick<PersonalData, 'following' | 'notices' | 'browsers'>
type ExportedFollowData = Pick<UserExport, 'following' | 'notifications' | 'push_subscriptions'>

function presentFollowData({ following, notices, browsers }: FollowData): ExportedFollowData {
  return {
    following: following.map(({ userId, username, isMuted, isEmailMuted, isPushMuted, followedAt }) => ({
      user_id: userId,
      username,
      notices: !isMuted,
      email: !isEmailMuted,
      push: !isPushMuted,
      followed_at: followedAt.toISOString(),
    })),
    notifications: notices.map(({ notificationId, kind, streamId, createdAt, readAt }) => ({
      notification_id: notificationId,
      kind,
      stream_id: streamId,
      created_at: createdAt.toISOString(),
      read_at: readAt?.toISOString() ?? null,
    })),
    push_subscriptions: browsers.map(({ subscriptionId, endpoint, userAgent, createdAt }) => ({
      subscription_id: subscriptionId,
      endpoint,
      user_agent: userAgent,
      created_at: createdAt.toISOString(),
    })),
  }
}
