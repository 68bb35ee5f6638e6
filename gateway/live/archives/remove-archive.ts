import type { Tx } from '../../ports/database.ts'
import { endAssignment } from '../../workers/store/assignments.ts'
import { discardClips } from '../storage/discard-clips.ts'
import { discardFiles } from '../storage/discard-files.ts'
import { deleteArchiveRow, type Archive } from '../store/archives.ts'
import { lockStream } from '../store/streams.ts'
import { archiveAssignmentOf } from '../archive-worker.ts'

/** Removes a recording with its files and its clips. The entry of its broadcast stays, and cannot be played any more. */
export async function removeArchive(
  tx: Tx,
  { archiveId, streamId }: Pick<Archive, 'archiveId' | 'streamId'>,
): Promise<void> {
  // No clip is ordered meanwhile.
  await lockStream(tx, streamId)
  await endAssignment(tx, archiveAssignmentOf(archiveId))
  await deleteArchiveRow(tx, archiveId)
  await discardClips(tx, [streamId])
  await discardFiles(tx, streamId)
}
