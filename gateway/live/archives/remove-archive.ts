import type { Tx } from '../../ports/database.ts'
import { endAssignment } from '../../workers/store/assignments.ts'
import { discardClips } from '../storage/discard-clips.ts'
import { discardFiles } from '../storage/discard-files.ts'
import { REASONS } from '../rules/reasons.ts'
import { deleteArchiveRow, updateArchiveRow, type Archive } from '../store/archives.ts'
import { lockStream } from '../store/streams.ts'
import { archiveAssignmentOf } from '../archive-worker.ts'

/** A recording and its broadcast. */
type ArchiveRef = Pick<Archive, 'archiveId' | 'streamId'>

/** Removes a recording with its files and its clips. The entry of its broadcast stays, and cannot be played any more. */
export async function removeArchive(tx: Tx, archive: ArchiveRef): Promise<void> {
  await removeFiles(tx, archive)
  await deleteArchiveRow(tx, archive.archiveId)
}

/** Removes the files and the clips of a recording that is too old. What is known of it stays. */
export async function expireArchive(
  tx: Tx,
  { status, ...archive }: ArchiveRef & Pick<Archive, 'status'>,
): Promise<void> {
  await removeFiles(tx, archive)
  const unmade = status === 'processing' ? { status: 'failed' as const, error: REASONS.expired } : {}
  await updateArchiveRow(tx, archive.archiveId, { downloadUrl: null, ...unmade })
}

async function removeFiles(tx: Tx, { archiveId, streamId }: ArchiveRef): Promise<void> {
  // No clip is ordered meanwhile.
  await lockStream(tx, streamId)
  await endAssignment(tx, archiveAssignmentOf(archiveId))
  await discardClips(tx, [streamId])
  await discardFiles(tx, streamId)
}
