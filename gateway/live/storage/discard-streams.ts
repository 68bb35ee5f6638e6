import type { Tx } from '../../ports/database.ts'
import { endAssignment } from '../../workers/store/assignments.ts'
import { archiveAssignmentOf } from '../archive-worker.ts'
import { broadcastIdOf } from '../broadcast-worker.ts'
import { clipAssignmentOf } from '../clip-worker.ts'
import { listArchiveIdsOf } from '../store/archives.ts'
import { deleteClipRows, listClipsOf } from '../store/clips.ts'
import { insertFolderRemovals } from '../store/storage-tasks.ts'

/**
 * Removes the files of broadcasts with those of their recordings and clips, before their rows are deleted. Their workers end
 * first: one that goes on would store files after the removal.
 */
export async function discardStreams(tx: Tx, streamIds: readonly string[]): Promise<void> {
  const archiveIds = await listArchiveIdsOf(tx, streamIds)
  const clipIds = (await listClipsOf(tx, streamIds)).map(({ clipId }) => clipId)
  const assignments = [
    ...streamIds.map(broadcastIdOf),
    ...archiveIds.map(archiveAssignmentOf),
    ...clipIds.map(clipAssignmentOf),
  ]
  for (const id of assignments) await endAssignment(tx, id)
  await deleteClipRows(tx, clipIds)
  await insertFolderRemovals(tx, streamIds)
}
