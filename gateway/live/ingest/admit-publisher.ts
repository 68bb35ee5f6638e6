import {
  MAX_UNFINISHED_SOURCES,
  STALE_PUBLISHER_MS,
  type IngestSource,
  type PublishAccepted,
  type PublishRequest,
} from '../../../shared/contract/live.ts'
import { BrokenRule, KERNEL_ERRORS } from '../../errors.ts'
import type { Tx } from '../../ports/database.ts'
import { requireCurrentEpoch } from '../../workers/claim-assignment.ts'
import { ensureAssignment } from '../../workers/store/lasting-assignments.ts'
import { changeState, countOnAir, lockStreamOfKey, NOW, updateStreamRow, type Stream } from '../store/streams.ts'
import { isOnAir } from '../rules/broadcast-state.ts'
import type { LiveContext } from '../context.ts'
import { LIVE_ERRORS } from '../errors.ts'
import { BROADCAST_KIND, broadcastIdOf } from '../broadcast-worker.ts'
import { chooseStorage } from '../choose-storage.ts'
import { announceStream } from '../notices/announce-stream.ts'
import { isStorageFull } from '../storage/quota.ts'
import { topicOf } from '../topic.ts'
import { isPublisherSeen, limitStatements, lockAdmission } from '../store/admission.ts'

/**
 * Admits an encoder that wants to publish: its broadcast is on the air, and its live worker is launched. A trial changes
 * nothing, nor does a request whose ingest worker waits no longer: that has refused the encoder.
 * @throws BrokenRule PUBLISH_REFUSED, STREAM_ENDED, STREAM_TAKEN with the reason for its user; STALE_EPOCH, GATEWAY_BUSY
 */
export async function admitPublisher(
  context: LiveContext,
  ingestId: string,
  request: PublishRequest,
): Promise<PublishAccepted> {
  const requireWaitMs = createAnswerWait(request)
  const stream = await context.transact(async (tx) => {
    await limitWait(tx, requireWaitMs())
    await lockAdmission(tx)
    const locked = await lockStreamOfKey(tx, request.key_hash)
    // After the waits for the locks: an encoder of an earlier process is gone.
    await requireCurrentEpoch({ db: tx }, ingestId, request.epoch)
    if (locked === null) throw refuse('the stream key is not valid; copy it again from the studio')
    await requireAdmission(tx, context, locked, { ingestId, request })
    if (request.is_trial) return locked
    const admitted = await admit(tx, locked, ingestId, request)
    const limited = locked.startedAt === null ? await limitRecording(tx, context, admitted) : admitted
    requireWaitMs()
    return limited
  })
  if (request.is_trial) return { stream_id: stream.streamId }
  context.log.info('encoder admitted', { stream_id: stream.streamId, session: request.source.session })
  context.notifier.notify(topicOf(stream.streamId))
  context.wake()
  return { stream_id: stream.streamId }
}

/** Returns a function that returns how long the answer is still awaited, in ms. It throws GATEWAY_BUSY where it is not. */
function createAnswerWait({ answer_within_ms: withinMs = Infinity }: PublishRequest): () => number {
  const endMs = performance.now() + withinMs
  return () => {
    const leftMs = Math.ceil(endMs - performance.now())
    if (leftMs > 0) return leftMs
    throw new BrokenRule(KERNEL_ERRORS.GATEWAY_BUSY, 'the decision took too long; connect again', { retryAfterSec: 1 })
  }
}

async function limitWait(tx: Tx, waitMs: number): Promise<void> {
  if (Number.isFinite(waitMs)) await limitStatements(tx, waitMs)
}

type PublishAttempt = { readonly ingestId: string; readonly request: PublishRequest }

async function requireAdmission(tx: Tx, context: LiveContext, stream: Stream, attempt: PublishAttempt): Promise<void> {
  if (stream.state === 'ended')
    throw new BrokenRule(LIVE_ERRORS.STREAM_ENDED, 'this broadcast has ended; create another one')
  if (chooseStorage(context.settings.live.stores) === null) {
    throw refuse('this server has no store for broadcasts: its operator has to set S3_BUCKET')
  }
  if (await isTaken(tx, stream, attempt))
    throw new BrokenRule(LIVE_ERRORS.STREAM_TAKEN, 'another encoder is on the air with this key')
  const { maxBroadcasts } = context.settings.live
  if (!isOnAir(stream.state) && (await countOnAir(tx, stream.streamId)) >= maxBroadcasts) {
    throw refuse(`${maxBroadcasts} broadcasts are on the air, which is the limit; try again later`)
  }
}

/** Returns whether another encoder publishes: one that its ingest worker has heard within `STALE_PUBLISHER_MS`. */
async function isTaken(
  tx: Tx,
  { streamId, publisherSession, publisherIngest }: Stream,
  { ingestId, request }: PublishAttempt,
): Promise<boolean> {
  // The same request may arrive again.
  if (publisherSession === null || publisherSession === request.source.session) return false
  if (publisherIngest === ingestId) return request.active_sessions.includes(publisherSession)
  return isPublisherSeen(tx, streamId, 2 * STALE_PUBLISHER_MS)
}

async function admit(tx: Tx, stream: Stream, ingestId: string, { source }: PublishRequest): Promise<Stream> {
  const { streamId } = stream
  const isOther = ({ session }: IngestSource) => session !== source.session
  await changeState(tx, streamId, 'encoder_published')
  const admitted = await updateStreamRow(tx, streamId, {
    publisherSession: source.session,
    lastSession: source.session,
    unfinishedSources: [...stream.unfinishedSources.filter(isOther), source].slice(-MAX_UNFINISHED_SOURCES),
    publisherIngest: ingestId,
    publisherSource: source,
    publisherSeenAt: NOW,
    publisherFacts: null,
  })
  await ensureAssignment(tx, BROADCAST_KIND, broadcastIdOf(streamId))
  if (admitted !== null) await announceStream(tx, admitted)
  return admitted ?? stream
}

/** Leaves out the recording of a broadcast that starts while the storage of its owner is full: it goes on the air anyway. */
async function limitRecording(tx: Tx, context: LiveContext, stream: Stream): Promise<Stream> {
  if (!stream.isRecorded || !(await isStorageFull(context, tx, stream.userId))) return stream
  return (await updateStreamRow(tx, stream.streamId, { isRecorded: false, isOutOfRoom: true })) ?? stream
}

function refuse(message: string): BrokenRule {
  return new BrokenRule(LIVE_ERRORS.PUBLISH_REFUSED, message)
}
