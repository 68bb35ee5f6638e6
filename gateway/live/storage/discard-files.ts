import type { Tx } from '../../ports/database.ts'
import { deleteSegments } from '../store/segments.ts'
import { insertFolderRemovals } from '../store/storage-tasks.ts'
import { markDiscarded } from '../store/stored-streams.ts'

/** Removes what is stored of a broadcast that has ended; the broadcast stays as an entry that cannot be played. */
export async function discardFiles(tx: Tx, streamId: string): Promise<void> {
  await deleteSegments(tx, streamId)
  await markDiscarded(tx, streamId)
  await insertFolderRemovals(tx, [streamId])
}
