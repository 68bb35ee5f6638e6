import { newUuid } from '../../../shared/ids.ts'
import type { Tx } from '../../ports/database.ts'
import { ensureAssignment } from '../../workers/store/lasting-assignments.ts'
import type { Stream } from '../store/streams.ts'
import { sumSegments } from '../store/segments.ts'
import { ARCHIVE_KIND, archiveAssignmentOf } from './pod.ts'
import { insertArchive } from '../store/archives.ts'

/** Creates the archive of a broadcast, once, from its segments; a broadcast without any, or that keeps none, has none. */
export async function createArchive(tx: Tx, stream: Stream): Promise<void> {
  const { streamId, userId, title, visibility, isRecorded } = stream
  if (!isRecorded) return
  const totals = await sumSegments(tx, streamId)
  if (totals.segments === 0) return
  const archiveId = newUuid()
  await insertArchive(tx, {
    archiveId,
    streamId,
    userId,
    title,
    visibility,
    status: 'processing',
    durationSec: totals.durationSec,
    frames: totals.frames,
  })
  await ensureAssignment(tx, ARCHIVE_KIND, archiveAssignmentOf(archiveId))
}
