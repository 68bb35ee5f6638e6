import type { SignedIn } from '../accounts/session.ts'
import { BrokenRule } from '../../errors.ts'
import type { Tx } from '../../ports/database.ts'
import type { LiveContext } from '../context.ts'
import { LIVE_ERRORS } from '../errors.ts'
import { closeStream } from '../packaging/close-stream.ts'
import { readIngestAddresses } from '../ingest/read-ingest-addresses.ts'
import { readSrtAddress } from '../ingest/srt.ts'
import { refuseTakenDown } from '../rules/take-down.ts'
import { announceStream } from '../notices/announce-stream.ts'
import { topicOf } from '../topic.ts'
import { findOwnStream } from './find-own-stream.ts'
import { viewOf } from './get-stream.ts'
import type { RenewedKey, StreamView } from './present.ts'
import type { UpdateStreamBody } from './requests.ts'
import { REASONS } from '../rules/reasons.ts'
import { findArchiveIdOf, updateArchiveRow } from '../store/archives.ts'
import {
  changeState,
  endStreamRow,
  lockStream,
  updateStreamRow,
  type NewStream,
  type Stream,
} from '../store/streams.ts'
import { findFirstShown } from '../store/segments.ts'
import { deleteStreamRows } from '../store/delete-streams.ts'
import { releaseWatched } from '../faults/enqueue-faults.ts'
import { recordTitle } from '../store/stream-titles.ts'
import { discardStreams } from '../storage/discard-streams.ts'
import { requireRoom } from '../storage/quota.ts'
import { isOnAir } from '../rules/broadcast-state.ts'
import { folderOf } from './stream-folder.ts'
import { newStreamKey } from './stream-key.ts'

/**
 * Changes what the body names of a broadcast.
 * @throws BrokenRule STREAM_NOT_FOUND, FORBIDDEN, STREAM_STARTED and STREAM_ENDED where it is too late for a field,
 * STORAGE_FULL where it cannot be recorded, TAKEN_DOWN where a moderator has made it private
 */
export async function updateStream(
  context: LiveContext,
  owner: SignedIn,
  id: string,
  body: UpdateStreamBody,
): Promise<StreamView> {
  const { stream, username } = await changeOwn(context, owner, id, async (tx, locked) => {
    if (body.visibility !== undefined && body.visibility !== locked.visibility) refuseTakenDown(locked)
    if (body.record === true && !locked.isRecorded) await requireRoom(context, tx, owner.user.userId)
    if (body.title !== undefined && isOnAir(locked.state)) await recordTitle(tx, locked, body.title)
    const columns = { ...columnsOf(body, locked), ...(await windowColumn(tx, body, locked)) }
    const changed = (await updateStreamRow(tx, id, columns)) ?? locked
    if (changed.visibility !== locked.visibility) await applyVisibility(tx, changed)
    await announceStream(tx, changed)
    return changed
  })
  return viewOf(context, { stream, username }, owner)
}

/**
 * Lets the same viewers watch the recording of a broadcast as the broadcast: both have the same segments. The monitor is given
 * up, since its address may not play any more.
 */
async function applyVisibility(tx: Tx, { streamId, visibility }: Stream): Promise<void> {
  await releaseWatched(tx, [streamId], 'unwatched')
  const archiveId = await findArchiveIdOf(tx, streamId)
  if (archiveId !== null) await updateArchiveRow(tx, archiveId, { visibility })
}

function columnsOf(body: UpdateStreamBody, stream: Stream): Partial<NewStream> {
  const { scheduled_for: scheduledFor, record, dvr_sec: dvrSec, chat_replay: keepsChat, ...plain } = body
  refuseTooLate(body, stream)
  // A JSON body has no undefined fields, so that nothing is overwritten by one.
  const columns: { -readonly [Column in keyof NewStream]?: NewStream[Column] | undefined } = plain
  if (record !== undefined) Object.assign(columns, { isRecorded: record, isOutOfRoom: false })
  if (dvrSec !== undefined) columns.dvrSec = dvrSec
  if (keepsChat !== undefined) columns.keepsChat = keepsChat
  return withoutUndefined({ ...columns, ...folderColumn(body, stream), ...scheduleColumns(scheduledFor, stream) })
}

/** Returns where a window begins that is made longer: where it began before, since playlists have left out what is earlier. */
async function windowColumn(
  tx: Tx,
  { dvr_sec: dvrSec }: UpdateStreamBody,
  stream: Stream,
): Promise<Partial<NewStream>> {
  if (dvrSec === undefined || dvrSec <= stream.dvrSec) return {}
  return { windowFromSeq: await findFirstShown(tx, stream) }
}

/** Refuses changes that come too late. What a broadcast has already is no change. @throws BrokenRule STREAM_STARTED, STREAM_ENDED */
function refuseTooLate({ scheduled_for: scheduledFor, latency, record }: UpdateStreamBody, stream: Stream): void {
  const isOtherLatency = latency !== undefined && latency !== stream.latency
  if (stream.startedAt !== null && (isOtherLatency || isOtherStart(scheduledFor, stream))) {
    throw new BrokenRule(LIVE_ERRORS.STREAM_STARTED, 'scheduled_for and latency cannot be changed once it has started')
  }
  if (stream.state === 'ended' && record !== undefined && record !== stream.isRecorded) {
    throw new BrokenRule(
      LIVE_ERRORS.STREAM_ENDED,
      'record cannot be changed once it has ended; delete its recording instead',
    )
  }
}

/** Returns whether a start is named that is not the one of the broadcast. */
function isOtherStart(scheduledFor: string | null | undefined, stream: Stream): boolean {
  if (scheduledFor === undefined) return false
  return (scheduledFor === null ? null : Date.parse(scheduledFor)) !== (stream.scheduledFor?.getTime() ?? null)
}

/** Returns a folder with a name that cannot be guessed for a broadcast that will not be public, unless it has files already. */
function folderColumn({ visibility }: UpdateStreamBody, stream: Stream): Partial<NewStream> {
  if (visibility === undefined || stream.startedAt !== null) return {}
  const hides = stream.visibility === 'public' && visibility !== 'public'
  return hides ? { folder: folderOf(stream.streamId, visibility) } : {}
}

/** Returns the columns that have a value. */
function withoutUndefined(columns: { readonly [Column in keyof NewStream]?: NewStream[Column] | undefined }) {
  const change: Partial<NewStream> = {}
  for (const [name, value] of Object.entries(columns)) if (value !== undefined) Object.assign(change, { [name]: value })
  return change
}

function scheduleColumns(scheduledFor: string | null | undefined, { state }: Stream): Partial<NewStream> {
  if (scheduledFor === undefined) return {}
  if (scheduledFor === null) return { scheduledFor: null, ...(state === 'scheduled' ? { state: 'ready' } : {}) }
  return { scheduledFor: new Date(scheduledFor), ...(state === 'ready' ? { state: 'scheduled' } : {}) }
}

/**
 * Replaces the stream key. The encoder that publishes with the old one is disconnected.
 * @throws BrokenRule STREAM_NOT_FOUND, FORBIDDEN, STREAM_ENDED
 */
export async function renewKey(context: LiveContext, owner: SignedIn, id: string): Promise<RenewedKey> {
  const { key, hash } = newStreamKey()
  await changeOwn(context, owner, id, async (tx, locked) => {
    requireOpen(locked)
    // The ingest worker learns from its next report that the session is not the one of the broadcast any more.
    const renewed = await updateStreamRow(tx, id, { keyHash: hash, publisherSession: null, publisherSource: null })
    return (await changeState(tx, id, 'encoder_lost')) ?? renewed
  })
  const ingest = { ...(await readIngestAddresses(context, id)), ...(await readSrtAddress(context, id, hash)) }
  return { ingest, stream_key: key }
}

/**
 * Ends a broadcast; one that has ended stays as it is.
 * @throws BrokenRule STREAM_NOT_FOUND, FORBIDDEN
 */
export async function endStream(context: LiveContext, owner: SignedIn, id: string): Promise<StreamView> {
  const { stream, username } = await changeOwn(context, owner, id, async (tx, locked) => {
    const ended = await endStreamRow(tx, id, REASONS.owner_ended)
    // Nothing of it can come any more where it has never been on the air.
    if (ended?.startedAt === null) await closeStream(tx, ended)
    return ended ?? locked
  })
  context.wake('workers')
  return viewOf(context, { stream, username }, owner)
}

/**
 * Deletes a broadcast with its archive, its clips and its files.
 * @throws BrokenRule STREAM_NOT_FOUND, FORBIDDEN
 */
export async function deleteStream(context: LiveContext, owner: SignedIn, id: string): Promise<void> {
  await changeOwn(context, owner, id, async (tx) => {
    await discardStreams(tx, [id])
    return deleteStreamRows(tx, id)
  })
  context.wake('workers')
}

/**
 * Changes a broadcast that the user owns, with its row locked, and notifies its viewers.
 * @throws BrokenRule STREAM_NOT_FOUND, FORBIDDEN
 */
export async function changeOwn<Changed>(
  context: LiveContext,
  owner: SignedIn,
  id: string,
  change: (tx: Tx, locked: Stream) => Promise<Changed>,
): Promise<{ readonly stream: Changed; readonly username: string }> {
  const changed = await context.transact(async (tx) => {
    const { username } = await findOwnStream(tx, owner, id)
    const locked = await lockStream(tx, id)
    if (locked === null) throw new BrokenRule(LIVE_ERRORS.STREAM_NOT_FOUND, 'there is no broadcast of this id')
    return { stream: await change(tx, locked), username }
  })
  context.notifier.notify(topicOf(id))
  return changed
}

/** Refuses a change of a broadcast that has ended. @throws BrokenRule STREAM_ENDED */
export function requireOpen({ state }: Stream): void {
  if (state !== 'ended') return
  throw new BrokenRule(LIVE_ERRORS.STREAM_ENDED, 'this broadcast has ended; create another one')
}
