import { newUuid } from '../../../shared/ids.ts'
import type { Tx } from '../../ports/database.ts'
import type { NoticeChannel } from '../rules/notice-kind.ts'
import type { LiveContext } from '../context.ts'
import { isOnAir } from '../rules/broadcast-state.ts'
import {
  advanceAnnouncement,
  announceSoon,
  closeAnnouncement,
  listMissed,
  listSoon,
  lockOpenAnnouncement,
  type OpenAnnouncement,
} from '../store/announcements.ts'
import { deleteOutdatedNotices, insertNoticeDeliveries } from '../store/notice-deliveries.ts'
import { deleteOldNotices, insertNotices, readRecipients } from '../store/notices.ts'
import { countAnnouncement } from './announce-stream.ts'
import { noticeChannels } from './deliver-notices.ts'
import { notifyOwner } from './notify-owner.ts'
import { NOTICES_TOPIC } from './topic.ts'

/** Followers of one transaction. */
const BATCH = 1000
/** How long one run writes, in ms; the next one goes on. */
const LONGEST_RUN_MS = 5000
/** Planned broadcasts of one run. */
const PLANNED_BATCH = 200
/** How long notices are kept. */
const KEEP_DAYS = 90
const DELETE_BATCH = 5000
const DELETE_BATCHES = 20

/**
 * Writes the notices of announcements in batches, each in a transaction that also records how far it came: what is killed in
 * the middle goes on there, and gateways that write at the same time write each notice once.
 */
export async function writeNotices(context: LiveContext): Promise<void> {
  const { transact, wake, wideNotifier } = context
  const channels = noticeChannels(context)
  await announcePlanned(context)
  await notifyOwnersOfMissed(context, channels)
  const endMs = performance.now() + LONGEST_RUN_MS
  let isNew = false
  while (performance.now() < endMs && (await transact((tx) => writeBatch(tx, channels)))) {
    isNew = true
    wideNotifier.notify(NOTICES_TOPIC)
  }
  // They may be delivered.
  if (isNew && channels.length > 0) wake()
}

/** Writes the next notices of one announcement; returns false where none is open. */
async function writeBatch(tx: Tx, channels: readonly NoticeChannel[]): Promise<boolean> {
  const open = await lockOpenAnnouncement(tx)
  if (open === null) return false
  const recipients = isCurrent(open) ? await readRecipients(tx, open, BATCH) : []
  const { kind, streamId } = open
  const wanted = recipients.filter(({ isMuted }) => !isMuted)
  await insertNotices(
    tx,
    wanted.map(({ userId }) => ({ notificationId: newUuid(), userId, kind, streamId })),
  )
  const last = recipients.at(-1)
  if (last !== undefined && recipients.length === BATCH) {
    await advanceAnnouncement(tx, open, last.followId)
    return true
  }
  await closeAnnouncement(tx, open)
  // Only now: what is sent must not delay what the page shows.
  if (isCurrent(open)) await insertNoticeDeliveries(tx, { streamId, kind }, channels)
  return true
}

/** Returns whether an announcement is still true, and for the followers. */
function isCurrent({ kind, state, visibility }: OpenAnnouncement): boolean {
  if (visibility !== 'public' && visibility !== 'followers') return false
  return kind === 'live' ? isOnAir(state) : state === 'scheduled'
}

/** Announces broadcasts that begin soon: once, and once more for each other time that they are moved to. */
async function announcePlanned({ db, transact }: LiveContext): Promise<void> {
  for (const planned of await listSoon(db, PLANNED_BATCH)) {
    await transact(async (tx) => {
      const announced = await announceSoon(tx, planned.streamId)
      if (announced !== 'again') return
      const subject = { streamId: planned.streamId, kind: 'soon' } as const
      await deleteOutdatedNotices(tx, subject)
      if (!(await countAnnouncement(tx, planned.userId))) await closeAnnouncement(tx, subject)
    })
  }
}

/** Lets owners know that a broadcast did not begin at its time. */
async function notifyOwnersOfMissed(
  { db, transact, wideNotifier }: LiveContext,
  channels: readonly NoticeChannel[],
): Promise<void> {
  for (const { streamId, userId, isOutdated } of await listMissed(db, PLANNED_BATCH)) {
    await transact((tx) => notifyOwner(tx, { streamId, userId, kind: 'missed', isOutdated }, channels))
    wideNotifier.notify(NOTICES_TOPIC)
  }
}

/** Deletes notices that are older than 90 days. */
export async function deleteExpiredNotices({ db }: Pick<LiveContext, 'db'>): Promise<void> {
  for (let batch = 0; batch < DELETE_BATCHES; batch++) {
    if ((await deleteOldNotices(db, KEEP_DAYS, DELETE_BATCH)) < DELETE_BATCH) return
  }
}
