import { newUuid } from '../../../shared/ids.ts'
import type { Tx } from '../../ports/database.ts'
import { ensureAssignment } from '../../workers/store/lasting-assignments.ts'
import { REASONS } from '../rules/reasons.ts'
import type { Stream } from '../store/streams.ts'
import { sumSegments } from '../store/segments.ts'
import { ARCHIVE_KIND, archiveAssignmentOf } from '../archive-worker.ts'
import { insertArchive } from '../store/archives.ts'

/**
 * Creates the archive of a broadcast, once, from its segments; a broadcast without any, or that keeps none, has none. One
 * whose last session was not stored to its end has failed: its file would be shorter.
 */
export async function createArchive(tx: Tx, stream: Stream): Promise<void> {
  const { streamId, userId, title, visibility, isRecorded } = stream
  if (!isRecorded) return
  const totals = await sumSegments(tx, streamId)
  if (totals.segments === 0) return
  const archiveId = newUuid()
  const error = describeUnstored(stream)
  await insertArchive(tx, {
    archiveId,
    streamId,
    userId,
    title,
    visibility,
    status: error === null ? 'processing' : 'failed',
    error,
    durationSec: totals.durationSec,
    frames: totals.frames,
  })
  if (error === null) await ensureAssignment(tx, ARCHIVE_KIND, archiveAssignmentOf(archiveId))
}

/** Returns why what the last encoder sent is not stored to its end; `null`: it is. */
function describeUnstored({ lastSession, health, endReason }: Stream): string | null {
  if (lastSession === null) return null
  if (endReason?.startsWith(REASONS.not_encoded) === true) return endReason
  const isWaiting = (health?.waiting_segments ?? 0) > 0
  const cause = health?.problem ?? (isWaiting ? 'the store is too slow' : 'its worker is gone, or too slow')
  return `${REASONS.end_not_stored}: ${cause}`
}
