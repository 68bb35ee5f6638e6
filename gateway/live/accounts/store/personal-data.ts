import { and, desc, eq } from 'drizzle-orm'

import type { Db } from '../../../ports/database.ts'
import {
  archives,
  chatBans,
  chatEntries,
  chatModerators,
  clips,
  follows,
  notifications,
  pushSubscriptions,
  reports,
  streams,
  streamTargets,
  userBlocks,
  users,
} from '../../schema.ts'

/** Messages of an export: the newest ones, so that years of chat do not fill the memory of a gateway. */
const MAX_MESSAGES = 50_000
const MAX_NOTICES = 10_000
const MAX_REPORTS = 10_000

/**
 * Reads what a user has made beside the account: broadcasts, recordings, clips, follows, settings of the channel, and the
 * newest notices, messages and reports.
 */
export async function readPersonalData(db: Db, userId: string) {
  return {
    broadcasts: await db
      .select({
        streamId: streams.streamId,
        title: streams.title,
        description: streams.description,
        category: streams.category,
        tags: streams.tags,
        visibility: streams.visibility,
        latency: streams.latency,
        isRecorded: streams.isRecorded,
        dvrSec: streams.dvrSec,
        keepsChat: streams.keepsChat,
        scheduledFor: streams.scheduledFor,
        createdAt: streams.createdAt,
        startedAt: streams.startedAt,
        endedAt: streams.endedAt,
      })
      .from(streams)
      .where(eq(streams.userId, userId))
      .orderBy(desc(streams.streamId)),
    recordings: await db
      .select({
        archiveId: archives.archiveId,
        streamId: archives.streamId,
        title: archives.title,
        visibility: archives.visibility,
        createdAt: archives.createdAt,
      })
      .from(archives)
      .where(eq(archives.userId, userId))
      .orderBy(desc(archives.archiveId)),
    clips: await db
      .select({ clipId: clips.clipId, streamId: clips.streamId, title: clips.title, createdAt: clips.createdAt })
      .from(clips)
      .where(eq(clips.makerId, userId))
      .orderBy(desc(clips.clipId)),
    ...(await readFollowData(db, userId)),
    ...(await readChannelData(db, userId)),
    ...(await readWrittenData(db, userId)),
  }
}

async function readWrittenData(db: Db, userId: string) {
  return {
    filed: await db
      .select({
        reportId: reports.reportId,
        kind: reports.kind,
        subjectId: reports.subjectId,
        reason: reports.reason,
        createdAt: reports.createdAt,
      })
      .from(reports)
      .where(eq(reports.reporterId, userId))
      .orderBy(desc(reports.reportId))
      .limit(MAX_REPORTS),
    messages: await db
      .select({
        streamId: chatEntries.streamId,
        entryId: chatEntries.entryId,
        text: chatEntries.text,
        createdAt: chatEntries.createdAt,
      })
      .from(chatEntries)
      .where(and(eq(chatEntries.userId, userId), eq(chatEntries.kind, 'message'), eq(chatEntries.isDeleted, false)))
      .orderBy(desc(chatEntries.entryId))
      .limit(MAX_MESSAGES),
  }
}

async function readFollowData(db: Db, userId: string) {
  return {
    following: await db
      .select({
        userId: users.userId,
        username: users.username,
        isMuted: follows.isMuted,
        isEmailMuted: follows.isEmailMuted,
        isPushMuted: follows.isPushMuted,
        followedAt: follows.createdAt,
      })
      .from(follows)
      .innerJoin(users, eq(users.userId, follows.followingId))
      .where(eq(follows.followerId, userId))
      .orderBy(desc(follows.followId)),
    browsers: await db
      .select({
        subscriptionId: pushSubscriptions.subscriptionId,
        endpoint: pushSubscriptions.endpoint,
        userAgent: pushSubscriptions.userAgent,
        createdAt: pushSubscriptions.createdAt,
      })
      .from(pushSubscriptions)
      .where(eq(pushSubscriptions.userId, userId))
      .orderBy(desc(pushSubscriptions.subscriptionId)),
    notices: await db
      .select({
        notificationId: notifications.notificationId,
        kind: notifications.kind,
        streamId: notifications.streamId,
        createdAt: notifications.createdAt,
        readAt: notifications.readAt,
      })
      .from(notifications)
      .where(eq(notifications.userId, userId))
      .orderBy(desc(notifications.notificationId))
      .limit(MAX_NOTICES),
  }
}

/** Reads what a user has set in the own channel and for chats; of targets, their keys stay here. */
async function readChannelData(db: Db, userId: string) {
  const named = { userId: users.userId, username: users.username }
  return {
    targets: await db
      .select({
        targetId: streamTargets.targetId,
        streamId: streamTargets.streamId,
        url: streamTargets.url,
        createdAt: streamTargets.createdAt,
      })
      .from(streamTargets)
      .innerJoin(streams, eq(streams.streamId, streamTargets.streamId))
      .where(eq(streams.userId, userId))
      .orderBy(desc(streamTargets.targetId)),
    blocked: await db
      .select({ ...named, createdAt: userBlocks.createdAt })
      .from(userBlocks)
      .innerJoin(users, eq(users.userId, userBlocks.blockedId))
      .where(eq(userBlocks.userId, userId))
      .orderBy(desc(userBlocks.createdAt)),
    moderators: await db
      .select({ ...named, createdAt: chatModerators.createdAt })
      .from(chatModerators)
      .innerJoin(users, eq(users.userId, chatModerators.userId))
      .where(eq(chatModerators.ownerId, userId))
      .orderBy(desc(chatModerators.createdAt)),
    bans: await db
      .select({ ...named, until: chatBans.until, createdAt: chatBans.createdAt })
      .from(chatBans)
      .innerJoin(users, eq(users.userId, chatBans.userId))
      .where(eq(chatBans.ownerId, userId))
      .orderBy(desc(chatBans.createdAt)),
  }
}
