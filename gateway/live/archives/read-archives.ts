import { UUID } from '../../../shared/ids.ts'
import { BrokenRule, KERNEL_ERRORS } from '../../errors.ts'
import { fromCursor, toCursor } from '../../http/paging.ts'
import { endAssignment } from '../../workers/store/assignments.ts'
import type { SignedIn } from '../accounts/session.ts'
import type { LiveContext } from '../context.ts'
import { LIVE_ERRORS } from '../errors.ts'
import { mayWatch, playbackAddressesOf } from '../playback/access.ts'
import { archiveAssignmentOf } from './pod.ts'
import { presentArchive, type ArchiveList, type ArchiveView } from './present.ts'
import type { ArchiveListQuery, UpdateArchiveBody } from './requests.ts'
import {
  deleteArchiveRow,
  findArchive,
  readArchivePage,
  updateArchiveRow,
  type OwnedArchive,
} from '../store/archives.ts'

/**
 * Returns a recording for a viewer.
 * @throws BrokenRule ARCHIVE_NOT_FOUND, also where the viewer may not watch it
 */
export async function getArchive(context: LiveContext, viewer: SignedIn | null, id: string): Promise<ArchiveView> {
  return viewOf(context, await findWatchable(context, viewer, id), viewer)
}

/**
 * Returns the public recordings and the viewer's own, newest first.
 * @throws BrokenRule INVALID_CONFIG where the cursor is not one of this list
 */
export async function listArchives(
  context: LiveContext,
  viewer: SignedIn | null,
  { user, cursor, limit }: ArchiveListQuery,
): Promise<ArchiveList> {
  const before = cursor === undefined ? null : fromCursor(cursor, UUID)
  const rows = await readArchivePage(context.db, { user, before, limit: limit + 1 }, viewer?.user.userId ?? null)
  const page = rows.slice(0, limit)
  const last = rows.length > limit ? page.at(-1) : undefined
  return {
    archives: page.map((row) => viewOf(context, row, viewer)),
    next_cursor: last === undefined ? null : toCursor(last.archive.archiveId),
  }
}

/**
 * Changes the title or the visibility of the own recording.
 * @throws BrokenRule ARCHIVE_NOT_FOUND, FORBIDDEN
 */
export async function updateArchive(
  context: LiveContext,
  owner: SignedIn,
  id: string,
  { title, visibility }: UpdateArchiveBody,
): Promise<ArchiveView> {
  const found = await findOwn(context, owner, id)
  const change = { ...(title === undefined ? {} : { title }), ...(visibility === undefined ? {} : { visibility }) }
  if (Object.keys(change).length === 0) return viewOf(context, found, owner)
  const archive = (await updateArchiveRow(context.db, id, change)) ?? found.archive
  return viewOf(context, { ...found, archive }, owner)
}

/**
 * Deletes the own recording.
 * @throws BrokenRule ARCHIVE_NOT_FOUND, FORBIDDEN
 */
export async function deleteArchive(context: LiveContext, owner: SignedIn, id: string): Promise<void> {
  await findOwn(context, owner, id)
  await context.transact(async (tx) => {
    await endAssignment(tx, archiveAssignmentOf(id))
    await deleteArchiveRow(tx, id)
  })
  context.wake('workers')
}

async function findWatchable({ db }: LiveContext, viewer: SignedIn | null, id: string): Promise<OwnedArchive> {
  const found = UUID.test(id) ? await findArchive(db, id) : null
  if (found !== null && mayWatch(found.archive, viewer)) return found
  throw new BrokenRule(LIVE_ERRORS.ARCHIVE_NOT_FOUND, 'there is no recording of this id')
}

async function findOwn(context: LiveContext, owner: SignedIn, id: string): Promise<OwnedArchive> {
  const found = await findWatchable(context, owner, id)
  if (found.archive.userId === owner.user.userId) return found
  throw new BrokenRule(KERNEL_ERRORS.FORBIDDEN, 'only its owner may change a recording')
}

function viewOf(context: LiveContext, found: OwnedArchive, viewer: SignedIn | null): ArchiveView {
  return presentArchive(found, viewer, playbackAddressesOf(context, found.stream, Date.now()))
}
