import { UUID } from '../../../shared/ids.ts'
import { BrokenRule } from '../../errors.ts'
import type { Tx } from '../../ports/database.ts'
import type { SignedIn } from '../accounts/session.ts'
import type { LiveContext } from '../context.ts'
import { LIVE_ERRORS } from '../errors.ts'
import { insertAuditEntry } from '../store/audit.ts'
import { findArchive, readTakenDown, updateArchiveRow, type Archive } from '../store/archives.ts'
import { lockStream, updateStreamRow, type Stream } from '../store/streams.ts'
import { topicOf } from '../topic.ts'
import { presentTakenDown, type TakenDownView } from './present.ts'

/** A recording with its broadcast, which is locked. */
type LockedArchive = { readonly archive: Archive; readonly stream: Stream }

/**
 * Takes a recording down: it and its broadcast become private, and the owner cannot change that. Repeated, it changes the
 * reason. The files stay, so that it can be restored.
 * @throws BrokenRule ARCHIVE_NOT_FOUND
 */
export async function takeDownArchive(
  context: LiveContext,
  actor: SignedIn,
  archiveId: string,
  reason: string,
): Promise<void> {
  await changeLocked(context, archiveId, async (tx, { archive, stream }) => {
    const before = stream.takeDown ?? {
      at: new Date().toISOString(),
      visibility: { stream: stream.visibility, archive: archive.visibility },
    }
    await updateStreamRow(tx, stream.streamId, { visibility: 'private', takeDown: { ...before, reason } })
    await updateArchiveRow(tx, archiveId, { visibility: 'private' })
    await recordAction(tx, actor, archiveId, { action: 'take_down_archive', reason })
  })
}

/**
 * Restores a recording that was taken down: who could watch it before can watch it again.
 * @throws BrokenRule ARCHIVE_NOT_FOUND
 */
export async function restoreArchive(context: LiveContext, actor: SignedIn, archiveId: string): Promise<void> {
  await changeLocked(context, archiveId, async (tx, { stream: { streamId, takeDown } }) => {
    if (takeDown === null) return
    await updateStreamRow(tx, streamId, { visibility: takeDown.visibility.stream, takeDown: null })
    await updateArchiveRow(tx, archiveId, { visibility: takeDown.visibility.archive })
    await recordAction(tx, actor, archiveId, { action: 'restore_archive', reason: '' })
  })
}

/** Recordings that are listed as taken down: the newest ones. */
const MOST_LISTED = 100

/** Returns the recordings that are taken down, the newest first. */
export async function listTakenDown({ db }: LiveContext): Promise<TakenDownView[]> {
  return presentTakenDown(await readTakenDown(db, MOST_LISTED))
}

async function changeLocked(
  context: LiveContext,
  archiveId: string,
  change: (tx: Tx, locked: LockedArchive) => Promise<void>,
): Promise<void> {
  const streamId = await context.transact(async (tx) => {
    const found = UUID.test(archiveId) ? await findArchive(tx, archiveId) : null
    const stream = found === null ? null : await lockStream(tx, found.archive.streamId)
    if (found === null || stream === null) {
      throw new BrokenRule(LIVE_ERRORS.ARCHIVE_NOT_FOUND, 'there is no recording of this id')
    }
    await change(tx, { archive: found.archive, stream })
    return stream.streamId
  })
  context.notifier.notify(topicOf(streamId))
}

function recordAction(
  tx: Tx,
  actor: SignedIn,
  archiveId: string,
  what: { readonly action: 'take_down_archive' | 'restore_archive'; readonly reason: string },
): Promise<void> {
  return insertAuditEntry(tx, { ...what, actor, target: { kind: 'archive', id: archiveId } })
}
