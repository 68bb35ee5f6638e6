import { UUID } from '../../../shared/ids.ts'
import { BrokenRule, KERNEL_ERRORS } from '../../errors.ts'
import { cutPage, fromCursor } from '../../http/paging.ts'
import type { Tx } from '../../ports/database.ts'
import type { SignedIn } from '../accounts/session.ts'
import type { LiveContext } from '../context.ts'
import { LIVE_ERRORS } from '../errors.ts'
import { mayWatch, playbackAddressesOf } from '../playback/access.ts'
import { refuseTakenDown } from '../rules/take-down.ts'
import type { Visibility } from '../rules/visibility.ts'
import { chaptersOf } from '../rules/chapters.ts'
import { presentArchive, type ArchiveDetails, type ArchiveList, type ArchiveView } from './present.ts'
import { removeArchive } from './remove-archive.ts'
import type { ArchiveListQuery, UpdateArchiveBody } from './requests.ts'
import { downloadUrlOf } from '../storage/download-url.ts'
import { listRecordedTitles } from '../store/stream-titles.ts'
import { hasMessages } from '../store/kept-chats.ts'
import { lockStream, updateStreamRow, type Stream } from '../store/streams.ts'
import { topicOf } from '../topic.ts'
import { findArchive, readArchivePage, updateArchiveRow, type OwnedArchive } from '../store/archives.ts'

/**
 * Returns a recording with its chapters for a viewer.
 * @throws BrokenRule ARCHIVE_NOT_FOUND, also where the viewer may not watch it
 */
export async function getArchive(context: LiveContext, viewer: SignedIn | null, id: string): Promise<ArchiveDetails> {
  const found = await findWatchableArchive(context, viewer, id)
  const { streamId, keepsChat } = found.stream
  const titles = await listRecordedTitles(context.db, streamId)
  const chapters = chaptersOf(titles, found.archive.durationSec ?? 0)
  const hasChat = keepsChat && (await hasMessages(context.db, streamId))
  return { ...viewOf(context, found, viewer), chapters: [...chapters], has_chat: hasChat }
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
  const { page, nextCursor } = cutPage(rows, limit, ({ archive }) => archive.archiveId)
  return { archives: page.map((row) => viewOf(context, row, viewer)), next_cursor: nextCursor }
}

/**
 * Changes the title or the visibility of the own recording. Who may watch it may watch its broadcast: both have the same
 * segments. A form may name the visibility that it has.
 * @throws BrokenRule ARCHIVE_NOT_FOUND, FORBIDDEN, TAKEN_DOWN where a moderator has made it private
 */
export async function updateArchive(
  context: LiveContext,
  owner: SignedIn,
  id: string,
  body: UpdateArchiveBody,
): Promise<ArchiveView> {
  const { streamId } = (await findOwn(context, owner, id)).stream
  const changed = await context.transact(async (tx) => {
    const stream = await lockStream(tx, streamId)
    // Read under the lock: a moderator may have taken it down meanwhile.
    const found = stream === null ? null : await findArchive(tx, id)
    if (stream === null || found === null) throw archiveNotFound()
    return changeOwned(tx, { ...found, stream }, body)
  })
  context.notifier.notify(topicOf(streamId))
  return viewOf(context, changed, owner)
}

/** Changes what the body names of a recording whose broadcast is locked. @throws BrokenRule ARCHIVE_NOT_FOUND, TAKEN_DOWN */
async function changeOwned(
  tx: Tx,
  found: OwnedArchive,
  { title, visibility }: UpdateArchiveBody,
): Promise<OwnedArchive> {
  const { stream, archive } = found
  if (visibility !== undefined && visibility !== archive.visibility) refuseTakenDown(stream)
  const columns = { ...(title === undefined ? {} : { title }), ...(visibility === undefined ? {} : { visibility }) }
  if (Object.keys(columns).length === 0) return found
  const changed = await updateArchiveRow(tx, archive.archiveId, columns)
  if (changed === null) throw archiveNotFound()
  const hasChanged = visibility !== undefined && visibility !== stream.visibility
  return { ...found, archive: changed, stream: hasChanged ? await changeVisibility(tx, stream, visibility) : stream }
}

async function changeVisibility(tx: Tx, stream: Stream, visibility: Visibility): Promise<Stream> {
  return (await updateStreamRow(tx, stream.streamId, { visibility })) ?? stream
}

/**
 * Deletes the own recording with its files; the entry of its broadcast stays.
 * @throws BrokenRule ARCHIVE_NOT_FOUND, FORBIDDEN
 */
export async function deleteArchive(context: LiveContext, owner: SignedIn, id: string): Promise<void> {
  const { archive } = await findOwn(context, owner, id)
  await context.transact((tx) => removeArchive(tx, archive))
  context.wake('workers')
}

/**
 * Returns a recording that a viewer may watch.
 * @throws BrokenRule ARCHIVE_NOT_FOUND, also where the viewer may not know of it
 */
export async function findWatchableArchive(
  { db }: LiveContext,
  viewer: SignedIn | null,
  id: string,
): Promise<OwnedArchive> {
  const found = UUID.test(id) ? await findArchive(db, id) : null
  if (found !== null && (await mayWatch(db, found.archive, viewer))) return found
  throw archiveNotFound()
}

function archiveNotFound(): BrokenRule {
  return new BrokenRule(LIVE_ERRORS.ARCHIVE_NOT_FOUND, 'there is no recording of this id')
}

async function findOwn(context: LiveContext, owner: SignedIn, id: string): Promise<OwnedArchive> {
  const found = await findWatchableArchive(context, owner, id)
  if (found.archive.userId === owner.user.userId) return found
  throw new BrokenRule(KERNEL_ERRORS.FORBIDDEN, 'only its owner may change a recording')
}

function viewOf(context: LiveContext, found: OwnedArchive, viewer: SignedIn | null): ArchiveView {
  const { archive, stream } = found
  const { downloadUrl, title } = archive
  return presentArchive(found, viewer, {
    ...playbackAddressesOf(context, stream, { watched: archive, viewer }),
    downloadUrl: downloadUrl === null ? null : downloadUrlOf(context, downloadUrl, title),
  })
}
