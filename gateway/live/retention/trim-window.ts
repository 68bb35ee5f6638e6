import type { Tx } from '../../ports/database.ts'
import { isOnAir } from '../rules/broadcast-state.ts'
import { findNeededSeq } from '../store/clips.ts'
import { deleteOldSegments, listRuns, type EncoderRunRow, type SegmentRow } from '../store/segments.ts'
import { insertFileRemoval, storedFolderOf } from '../store/storage-tasks.ts'
import { lockStream, updateStreamRow, type Stream } from '../store/streams.ts'
import { windowSecOf } from '../rules/window.ts'

/** How long segments outlive their window, in seconds: players may still have an older playlist (RFC 8216 §6.2.2). */
const MARGIN_SEC = 600
/** Segments that one run removes of a broadcast. */
const MAX_SEGMENTS = 2000

/** Removes the segments that a broadcast without a recording has left behind its window, but none that a clip waits for. */
export async function trimWindow(tx: Tx, streamId: string): Promise<void> {
  const stream = await lockStream(tx, streamId)
  if (stream === null || stream.isRecorded || !isOnAir(stream.state)) return
  const windowSec = windowSecOf(stream) + MARGIN_SEC
  const keepFromSeq = await findNeededSeq(tx, streamId)
  const removed = await deleteOldSegments(tx, { streamId, windowSec, keepFromSeq, limit: MAX_SEGMENTS })
  if (removed.length === 0) return
  const bytes = removed.flatMap((segment) => segment.bytes).reduce((sum, size) => sum + size, 0)
  await updateStreamRow(tx, streamId, { storedBytes: Math.max(0, stream.storedBytes - bytes) })
  const runs = await listRuns(tx, streamId)
  await insertFileRemoval(
    tx,
    streamId,
    removed.flatMap((segment) => namesOf(stream, segment, runs)),
  )
}

/** Returns the names of a segment's files below the folder of its broadcast. */
function namesOf({ streamId, folder }: Stream, segment: SegmentRow, runs: readonly EncoderRunRow[]): string[] {
  const below = folder.slice(storedFolderOf(streamId).length)
  const run = runs.find(({ epoch, run: number }) => epoch === segment.epoch && number === segment.run)
  return (run?.rungs ?? []).map(({ name }) => `${below}${segment.epoch}/${name}/${segment.n}.m4s`)
}
