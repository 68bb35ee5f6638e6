import type { Tx } from '../../ports/database.ts'
import { findAssignment } from '../../workers/store/assignments.ts'
import { broadcastIdOf } from '../broadcast-worker.ts'
import { listEpochEnds, listRuns, type EpochEnd } from '../store/segments.ts'
import { insertFileRemovals, storedFolderOf } from '../store/storage-tasks.ts'
import type { Stream } from '../store/streams.ts'

/** Segments and runs that a worker may have stored beyond its last report: those of two minutes without a gateway. */
const UNREPORTED_SEGMENTS = 64
const UNREPORTED_RUNS = 4
/** Most names of one removal; those of the newest epochs are taken. */
const MAX_NAMES = 50_000

/**
 * Plans the removal of what workers of a recorded broadcast have stored, and not reported before they were lost. The next
 * worker has made these segments again, below its own epoch, so that nothing names the files.
 */
export async function removeUnreported(tx: Tx, { streamId, folder, lastSession }: Stream): Promise<void> {
  const newest = (await findAssignment(tx, broadcastIdOf(streamId)))?.epoch ?? 0
  // Where the last session is stored to its end, the newest worker has reported all.
  const lostEpochs = lastSession === null ? newest - 1 : newest
  if (lostEpochs < 1) return
  const ends = new Map((await listEpochEnds(tx, streamId)).map((end) => [end.epoch, end]))
  const runs = await listRuns(tx, streamId)
  const rungs = [...new Set(runs.flatMap((run) => run.rungs.map(({ name }) => name)))]
  const below = folder.slice(storedFolderOf(streamId).length)
  const names = countFrom(1, lostEpochs).flatMap((epoch) => {
    const files = filesAfter(ends.get(epoch) ?? { epoch, lastN: -1, lastRun: 0 })
    return rungs.flatMap((rung) => files.map((file) => `${below}${epoch}/${rung}/${file}`))
  })
  if (names.length > 0) await insertFileRemovals(tx, streamId, names.slice(-MAX_NAMES))
}

/** Returns the names of the files that may follow what an epoch has reported. */
function filesAfter({ lastN, lastRun }: EpochEnd): string[] {
  return [
    ...countFrom(lastN + 1, UNREPORTED_SEGMENTS).map((n) => `${n}.m4s`),
    ...countFrom(lastRun + 1, UNREPORTED_RUNS).map((run) => `init-${run}.mp4`),
  ]
}

function countFrom(first: number, count: number): number[] {
  return Array.from({ length: count }, (_one, i) => first + i)
}
