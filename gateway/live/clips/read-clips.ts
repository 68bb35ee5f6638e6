import { UUID } from '../../../shared/ids.ts'
import { BrokenRule, KERNEL_ERRORS } from '../../errors.ts'
import { cutPage, fromCursor } from '../../http/paging.ts'
import type { SignedIn } from '../accounts/session.ts'
import type { LiveContext } from '../context.ts'
import { LIVE_ERRORS } from '../errors.ts'
import { mayWatch } from '../playback/access.ts'
import { removeClip } from '../storage/discard-clips.ts'
import { findClip, readClipPage, updateClipRow, type OwnedClip } from '../store/clips.ts'
import { presentClip, type ClipList, type ClipView } from './present.ts'
import type { ClipListQuery, UpdateClipBody } from './requests.ts'

/**
 * Returns a clip for a viewer.
 * @throws BrokenRule CLIP_NOT_FOUND, also where the viewer may not watch its broadcast
 */
export async function getClip(context: LiveContext, viewer: SignedIn | null, id: string): Promise<ClipView> {
  return presentClip(context, await findWatchableClip(context, viewer, id), viewer)
}

/**
 * Returns the clips that a viewer finds in lists, newest first.
 * @throws BrokenRule INVALID_CONFIG where the cursor is not one of this list
 */
export async function listClips(
  context: LiveContext,
  viewer: SignedIn | null,
  { user, stream_id: streamId, cursor, limit }: ClipListQuery,
): Promise<ClipList> {
  const before = cursor === undefined ? null : fromCursor(cursor, UUID)
  const filter = { user, streamId, before, limit: limit + 1 }
  const rows = await readClipPage(context.db, filter, viewer?.user.userId ?? null)
  const { page, nextCursor } = cutPage(rows, limit, ({ clip }) => clip.clipId)
  return { clips: page.map((row) => presentClip(context, row, viewer)), next_cursor: nextCursor }
}

/**
 * Changes the title of a clip that the user has made.
 * @throws BrokenRule CLIP_NOT_FOUND, FORBIDDEN
 */
export async function updateClip(
  context: LiveContext,
  maker: SignedIn,
  id: string,
  { title }: UpdateClipBody,
): Promise<ClipView> {
  const found = await findWatchableClip(context, maker, id)
  if (found.clip.makerId !== maker.user.userId) {
    throw new BrokenRule(KERNEL_ERRORS.FORBIDDEN, 'only its maker may change a clip')
  }
  const clip = (await updateClipRow(context.db, id, { title })) ?? found.clip
  return presentClip(context, { ...found, clip }, maker)
}

/**
 * Deletes a clip with its files, for its maker and for the channel that it is of.
 * @throws BrokenRule CLIP_NOT_FOUND, FORBIDDEN
 */
export async function deleteClip(context: LiveContext, signedIn: SignedIn, id: string): Promise<void> {
  const { userId } = signedIn.user
  const found = await findById(context, id)
  const { clip, stream } = found
  // Its maker may delete it also where it cannot be watched any more.
  if (clip.makerId !== userId) {
    await requireWatchable(context, signedIn, found)
    if (stream.userId !== userId) {
      throw new BrokenRule(KERNEL_ERRORS.FORBIDDEN, 'only its maker and its channel may delete a clip')
    }
  }
  await context.transact((tx) => removeClip(tx, { ...clip, folder: stream.folder }))
  context.wake('workers')
}

async function findWatchableClip(context: LiveContext, viewer: SignedIn | null, id: string): Promise<OwnedClip> {
  const found = await findById(context, id)
  await requireWatchable(context, viewer, found)
  return found
}

async function findById({ db }: LiveContext, id: string): Promise<OwnedClip> {
  const found = UUID.test(id) ? await findClip(db, id) : null
  if (found === null) throw noSuchClip()
  return found
}

async function requireWatchable({ db }: LiveContext, viewer: SignedIn | null, found: OwnedClip): Promise<void> {
  const watched = { visibility: found.visibility, userId: found.stream.userId }
  if (!(await mayWatch(db, watched, viewer))) throw noSuchClip()
}

function noSuchClip(): BrokenRule {
  return new BrokenRule(LIVE_ERRORS.CLIP_NOT_FOUND, 'there is no clip of this id')
}
