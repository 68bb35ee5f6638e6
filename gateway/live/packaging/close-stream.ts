import type { Tx } from '../../ports/database.ts'
import { endAssignment } from '../../workers/store/assignments.ts'
import { createArchive } from '../archives/create-archive.ts'
import { NOW, updateStreamRow, type Stream } from '../store/streams.ts'
import { forgetTargetKeys } from '../store/targets.ts'
import { deleteViewers } from '../store/viewers.ts'
import { broadcastIdOf } from '../broadcast-worker.ts'
import { removeUnreported } from './remove-unreported.ts'

/** Closes a broadcast that has ended: its worker is released, and its archive is created from its segments. */
export async function closeStream(tx: Tx, stream: Stream): Promise<Stream> {
  await endAssignment(tx, broadcastIdOf(stream.streamId))
  if (stream.closedAt !== null) return stream
  await deleteViewers(tx, stream.streamId)
  await forgetTargetKeys(tx, stream.streamId)
  const closed = await updateStreamRow(tx, stream.streamId, {
    closedAt: NOW,
    publisherSession: null,
    publisherSource: null,
    unfinishedSources: [],
    partsUrl: null,
    viewerCount: 0,
  })
  await createArchive(tx, stream)
  // What is not recorded is removed as a whole later.
  if (stream.isRecorded) await removeUnreported(tx, stream)
  return closed ?? stream
}
