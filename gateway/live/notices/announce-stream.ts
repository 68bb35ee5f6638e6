import type { Tx } from '../../ports/database.ts'
import { toKey } from '../accounts/limit-attempts.ts'
import { countAttempt } from '../accounts/store/login-failures.ts'
import { isOnAir } from '../rules/broadcast-state.ts'
import type { AnnouncementKind } from '../rules/notice-kind.ts'
import { closeAnnouncement, insertAnnouncement } from '../store/announcements.ts'
import type { Stream } from '../store/streams.ts'

/** Announcements of one channel within a window: its followers are not flooded by broadcasts that come and go. */
const MAX_ANNOUNCED = 50
const WINDOW_SEC = 86_400

/**
 * Announces a broadcast to the followers of its owner, once: that it is planned, or that it is on the air. It writes one row;
 * `writeNotices` does the rest. One that followers do not find in lists is not announced.
 */
export async function announceStream(tx: Tx, { streamId, userId, state, visibility }: Stream): Promise<void> {
  const kind = kindOf(state)
  if (kind === null || (visibility !== 'public' && visibility !== 'followers')) return
  if (!(await insertAnnouncement(tx, streamId, kind))) return
  if (!(await countAnnouncement(tx, userId))) await closeAnnouncement(tx, { streamId, kind })
}

/** Counts an announcement of a channel; returns false where it is one too many. */
export async function countAnnouncement(tx: Tx, userId: string): Promise<boolean> {
  const [counted] = await countAttempt(tx, [toKey('announce', userId)], WINDOW_SEC)
  return counted === undefined || counted.failures <= MAX_ANNOUNCED
}

function kindOf(state: Stream['state']): AnnouncementKind | null {
  if (isOnAir(state)) return 'live'
  return state === 'scheduled' ? 'scheduled' : null
}
