import { expireArchive } from '../archives/remove-archive.ts'
import type { Tx } from '../../ports/database.ts'
import type { LiveContext } from '../context.ts'
import { runEach } from '../../scheduler/run-each.ts'
import { discardFiles } from '../storage/discard-files.ts'
import { findNeededSeq } from '../store/clips.ts'
import { insertClassChange } from '../store/storage-tasks.ts'
import { listOldArchives, listUnrecorded, listUnrecordedOnAir, markCooled } from '../store/stored-streams.ts'
import { lockStream } from '../store/streams.ts'
import { trimWindow } from './trim-window.ts'

/** Records that one run handles of each kind; the others are handled by the next run. */
const BATCH = 500
/** How long a broadcast without a recording stays playable after its end, in seconds: viewers may be behind. */
const UNRECORDED_SEC = 600

/**
 * Removes and moves stored files as the settings say: recordings that are too old, broadcasts without a recording after
 * their end and beyond their window, and recordings for a colder class. Each in a transaction of its own.
 */
export async function retainFiles(context: LiveContext): Promise<void> {
  const { db, transact } = context
  const trim = async () =>
    runEach(await listUnrecordedOnAir(db), (streamId) => transact((tx) => trimWindow(tx, streamId)))
  const discard = async () =>
    runEach(await listUnrecorded(db, UNRECORDED_SEC, BATCH), (streamId) =>
      transact((tx) => discardUnneeded(tx, streamId)),
    )
  const steps = [trim, discard, () => expireArchives(context), () => coolArchives(context)]
  await runEach(steps, (step) => step())
}

/** Removes the files of a broadcast without a recording, unless a clip was ordered of them meanwhile. */
async function discardUnneeded(tx: Tx, streamId: string): Promise<void> {
  // No clip is ordered meanwhile.
  const stream = await lockStream(tx, streamId)
  if (stream === null || stream.discardedAt !== null) return
  if ((await findNeededSeq(tx, streamId)) === null) await discardFiles(tx, streamId)
}

async function expireArchives(context: LiveContext): Promise<void> {
  const { db, transact, settings, log } = context
  const { retentionSec } = settings.live.archives
  if (retentionSec === null) return
  await runEach(await listOldArchives(db, retentionSec, BATCH), async (archive) => {
    await transact((tx) => expireArchive(tx, archive))
    log.info('recording expired', { archive_id: archive.archiveId })
  })
}

async function coolArchives({ transact, settings }: LiveContext): Promise<void> {
  const { coldAfterSec, coldClass } = settings.live.archives
  if (coldAfterSec === null) return
  await transact(async (tx) => {
    for (const streamId of await markCooled(tx, coldAfterSec, BATCH)) await insertClassChange(tx, streamId, coldClass)
  })
}
