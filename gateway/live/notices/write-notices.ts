import { newUuid } from '../../../shared/ids.ts'
import type { Tx } from '../../ports/database.ts'
import type { LiveContext } from '../context.ts'
import { isOnAir } from '../rules/broadcast-state.ts'
import {
  advanceAnnouncement,
  announceSoon,
  closeAnnouncement,
  listMissed,
  lockOpenAnnouncement,
  type OpenAnnouncement,
} from '../store/announcements.ts'
import { deleteOldNotices, insertNotices, readRecipients } from '../store/notices.ts'
import { NOTICES_TOPIC } from './topic.ts'

/** Followers of one transaction. */
const BATCH = 1000
/** How long one run writes, in ms; the next one goes on. */
const LONGEST_RUN_MS = 5000
const MISSED_BATCH = 200
/** How long notices are kept. */
const KEEP_DAYS = 90
const DELETE_BATCH = 5000
const DELETE_BATCHES = 20

/**
 * Writes the notices of announcements in batches, each in a transaction that also records how far it came: what is killed in
 * the middle goes on there, and gateways that write at the same time write each notice once.
 */
export async function writeNotices(context: LiveContext): Promise<void> {
  const { db, transact, wideNotifier } = context
  await announceSoon(db)
  await notifyOwnersOfMissed(context)
  const endMs = performance.now() + LONGEST_RUN_MS
  while (performance.now() < endMs && (await transact(writeBatch))) wideNotifier.notify(NOTICES_TOPIC)
}

/** Writes the next notices of one announcement; returns false where none is open. */
async function writeBatch(tx: Tx): Promise<boolean> {
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
  if (last === undefined || recipients.length < BATCH) await closeAnnouncement(tx, open)
  else await advanceAnnouncement(tx, open, last.followId)
  return true
}

/** Returns whether an announcement is still true, and for the followers. */
function isCurrent({ kind, state, visibility }: OpenAnnouncement): boolean {
  if (visibility !== 'public' && visibility !== 'followers') return false
  return kind === 'live' ? isOnAir(state) : state === 'scheduled'
}

/** Lets owners know that a broadcast did not begin at its time. */
async function notifyOwnersOfMissed({ db, wideNotifier }: LiveContext): Promise<void> {
  const missed = await listMissed(db, MISSED_BATCH)
  if (missed.length === 0) return
  await insertNotices(
    db,
    missed.map((stream) => ({ ...stream, notificationId: newUuid(), kind: 'missed' as const })),
  )
  wideNotifier.notify(NOTICES_TOPIC)
}

/** Deletes notices that are older than 90 days. */
export async function deleteExpiredNotices({ db }: Pick<LiveContext, 'db'>): Promise<void> {
  for (let batch = 0; batch < DELETE_BATCHES; batch++) {
    if ((await deleteOldNotices(db, KEEP_DAYS, DELETE_BATCH)) < DELETE_BATCH) return
  }
}
