import type { Tx } from '../../ports/database.ts'
import { endAssignment } from '../../workers/store/assignments.ts'
import { clipAssignmentOf } from '../clip-worker.ts'
import { clipFilesOf } from '../rules/clip-files.ts'
import { deleteClipRows, listClipsOf, listClipsOfOthers, type StoredClip } from '../store/clips.ts'
import { insertFileRemovals, storedFolderOf } from '../store/storage-tasks.ts'

/** Deletes the clips of broadcasts whose folders are removed as a whole. */
export async function discardClips(tx: Tx, streamIds: readonly string[]): Promise<void> {
  await deleteClips(tx, await listClipsOf(tx, streamIds))
}

/** Deletes the clips that a user has made of the broadcasts of others, with their files. */
export async function discardClipsOfOthers(tx: Tx, makerId: string): Promise<void> {
  for (const clip of await listClipsOfOthers(tx, makerId)) await removeClip(tx, clip)
}

/** Deletes a clip with its files. */
export async function removeClip(tx: Tx, clip: StoredClip): Promise<void> {
  await deleteClips(tx, [clip])
  await insertFileRemovals(tx, clip.streamId, clipNamesOf(clip))
}

/** Returns the names of the files of a clip below the folder of its broadcast. */
export function clipNamesOf({ clipId, streamId, folder }: StoredClip): string[] {
  const { output, poster } = clipFilesOf(folder, clipId)
  return [output, poster].map((path) => path.slice(storedFolderOf(streamId).length))
}

async function deleteClips(tx: Tx, clips: readonly StoredClip[]): Promise<void> {
  for (const { clipId } of clips) await endAssignment(tx, clipAssignmentOf(clipId))
  await deleteClipRows(
    tx,
    clips.map(({ clipId }) => clipId),
  )
}
