import { newUuid } from '../../../shared/ids.ts'
import type { Tx } from '../../ports/database.ts'
import { runEach } from '../../scheduler/run-each.ts'
import type { NoticeChannel } from '../rules/notice-kind.ts'
import type { LiveContext } from '../context.ts'
import { isOnAir } from '../rules/broadcast-state.ts'
import {
  advanceAnnouncement,
  announceSoon,
  closeAnnouncement,
  listMissed,
  listSoon,
  lockMissed,
  lockOpenAnnouncement,
  postponeAnnouncement,
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
/** Batches of one run that may fail. */
const MAX_FAILURES = 3
/** How long notices are kept. */
const KEEP_DAYS = 90
const DELETE_BATCH = 5000
const DELETE_BATCHES = 20

/** Writes the notices that are announced, and announces planned broadcasts: where one of them fails, the others go on. */
export async function writeNotices(context: LiveContext): Promise<void> {
  const channels = noticeChannels(context)
  const steps = [
    () => writeAnnounced(context, channels),
    () => announcePlanned(context),
    () => notifyOwnersOfMissed(context, channels),
  ]
  await runEach(steps, (step) => step())
}

/**
 * Writes the notices of announcements in batches, each in a transaction that also records how far it came: what is killed in
 * the middle goes on there, and gateways that write at the same time write each notice once.
 */
async function writeAnnounced(context: LiveContext, channels: readonly NoticeChannel[]): Promise<void> {
  const endMs = performance.now() + LONGEST_RUN_MS
  const failures: unknown[] = []
  let isNew = false
  while (performance.now() < endMs && failures.length < MAX_FAILURES) {
    const outcome = await writeNext(context, channels)
    if (outcome === 'none') break
    if (outcome === 'written') isNew = true
    else failures.push(outcome.error)
  }
  // They may be delivered.
  if (isNew && channels.length > 0) context.wake()
  if (failures.length > 0) throw failures[0]
}

/** Writes the next batch. An announcement that fails waits behind the others from then on. */
async function writeNext(
  { transact, db, wideNotifier }: LiveContext,
  channels: readonly NoticeChannel[],
): Promise<'none' | 'written' | { readonly error: unknown }> {
  let open: OpenAnnouncement | null = null
  try {
    await transact(async (tx) => {
      open = await lockOpenAnnouncement(tx)
      if (open !== null) await writeBatch(tx, open, channels)
    })
  } catch (error) {
    if (open === null) throw error
    await postponeAnnouncement(db, open)
    return { error }
  }
  if (open === null) return 'none'
  wideNotifier.notify(NOTICES_TOPIC)
  return 'written'
}

/** Writes the next notices of an announcement. */
async function writeBatch(tx: Tx, open: OpenAnnouncement, channels: readonly NoticeChannel[]): Promise<void> {
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
    return
  }
  await closeAnnouncement(tx, open)
  // Only now: what is sent must not delay what the page shows.
  if (isCurrent(open)) await insertNoticeDeliveries(tx, { streamId, kind }, channels)
}

/** Returns whether an announcement is still true, and for the followers. */
function isCurrent({ kind, state, visibility }: OpenAnnouncement): boolean {
  if (visibility !== 'public' && visibility !== 'followers') return false
  return kind === 'live' ? isOnAir(state) : state === 'scheduled'
}

/** Announces broadcasts that begin soon: once, and once more for each other time that they are moved to. */
async function announcePlanned(context: LiveContext): Promise<void> {
  const soon = await listSoon(context.db, PLANNED_BATCH)
  await runEach(soon, ({ streamId, userId }) =>
    context.transact(async (tx) => {
      const announced = await announceSoon(tx, streamId)
      if (announced !== 'again') return
      const subject = { streamId, kind: 'soon' } as const
      await deleteOutdatedNotices(tx, subject)
      if (!(await countAnnouncement(tx, userId))) await closeAnnouncement(tx, subject)
    }),
  )
}

/** Lets owners know that a broadcast did not begin at its time: once, however many gateways notice that. */
async function notifyOwnersOfMissed(context: LiveContext, channels: readonly NoticeChannel[]): Promise<void> {
  const { db, transact, wideNotifier } = context
  await runEach(await listMissed(db, PLANNED_BATCH), async (streamId) => {
    await transact(async (tx) => {
      const missed = await lockMissed(tx, streamId)
      if (missed !== null) await notifyOwner(tx, { ...missed, kind: 'missed' }, channels)
    })
    wideNotifier.notify(NOTICES_TOPIC)
  })
}

/** Deletes notices that are older than 90 days. */
export async function deleteExpiredNotices({ db }: Pick<LiveContext, 'db'>): Promise<void> {
  for (let batch = 0; batch < DELETE_BATCHES; batch++) {
    if ((await deleteOldNotices(db, KEEP_DAYS, DELETE_BATCH)) < DELETE_BATCH) return
  }
}
