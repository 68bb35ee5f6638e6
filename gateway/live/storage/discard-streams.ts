import type { Tx } from '../../ports/database.ts'
import { endAssignment } from '../../workers/store/assignments.ts'
import { archiveAssignmentOf } from '../archive-worker.ts'
import { broadcastIdOf } from '../broadcast-worker.ts'
import { releaseWatched } from '../faults/enqueue-faults.ts'
import { listArchiveIdsOf } from '../store/archives.ts'
import { insertFolderRemovals } from '../store/storage-tasks.ts'
import { discardClips } from './discard-clips.ts'

/**
 * Removes the files of broadcasts with those of their recordings and clips, before their rows are deleted. Their workers end
 * first: one that goes on would store files after the removal. Their monitors are stopped later.
 */
export async function discardStreams(tx: Tx, streamIds: readonly string[]): Promise<void> {
  const archiveIds = await listArchiveIdsOf(tx, streamIds)
  const assignments = [...streamIds.map(broadcastIdOf), ...archiveIds.map(archiveAssignmentOf)]
  for (const id of assignments) await endAssignment(tx, id)
  await releaseWatched(tx, streamIds, 'broadcast_ended')
  await discardClips(tx, streamIds)
  await insertFolderRemovals(tx, streamIds)
}
