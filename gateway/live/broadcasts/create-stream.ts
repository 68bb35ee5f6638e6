import * as v from 'valibot'

import { newUuid } from '../../../shared/ids.ts'
import { BrokenRule } from '../../errors.ts'
import { answerOnce, type IdempotentCall } from '../../http/idempotency.ts'
import type { Tx } from '../../ports/database.ts'
import type { SignedIn } from '../accounts/session.ts'
import { lockSignedIn } from '../accounts/lock-signed-in.ts'
import type { LiveContext } from '../context.ts'
import { LIVE_ERRORS } from '../errors.ts'
import { announceStream } from '../notices/announce-stream.ts'
import { readIngestAddresses } from '../ingest/read-ingest-addresses.ts'
import { readSrtAddress } from '../ingest/srt.ts'
import { viewOf } from './get-stream.ts'
import { CreatedStream } from './present.ts'
import type { CreateStreamBody } from './requests.ts'
import { MAX_OPEN_STREAMS } from '../rules/broadcast-state.ts'
import { requireRoom } from '../storage/quota.ts'
import { chooseSrtPort } from '../store/srt-ports.ts'
import { countOpenStreams, insertStream, type NewStream, type Stream } from '../store/streams.ts'
import { folderOf } from './stream-folder.ts'
import { newStreamKey, repeatableStreamKey } from './stream-key.ts'

/**
 * Creates a broadcast, at most once per Idempotency-Key of the user. Its stream key is in the answer, and nowhere else.
 * @throws BrokenRule TOO_MANY_STREAMS, STORAGE_FULL, IDEMPOTENCY_KEY_REUSED
 */
export async function createStream(
  context: LiveContext,
  owner: SignedIn,
  body: CreateStreamBody,
  call: IdempotentCall | null = null,
): Promise<CreatedStream> {
  const { INTERNAL_API_KEY: internalKey } = context.settings.keys
  const streamId = newUuid()
  const streamKey = call === null ? newStreamKey() : repeatableStreamKey(internalKey, streamId)
  const ingest = await readIngestAddresses(context, streamId)
  const answer = await context.transact((tx) =>
    answerOnce(tx, call, async () => {
      const stream = await insertOwnStream(tx, context, owner, { ...rowOf(body, streamId), keyHash: streamKey.hash })
      const view: StoredView = { ...viewOf(context, { stream, username: owner.user.username }, owner), ingest }
      return { status: 201, body: JSON.stringify(view) }
    }),
  )
  const view = v.parse(StoredView, JSON.parse(answer.body))
  const { key, hash } = view.stream_id === streamId ? streamKey : repeatableStreamKey(internalKey, view.stream_id)
  const srt = await readSrtAddress(context, view.stream_id, hash)
  return { ...view, ingest: { ...view.ingest, ...srt }, stream_key: key }
}

/** The stored part of the answer: all but the key, and the passphrase that depends on it. */
const StoredView = v.omit(CreatedStream, ['stream_key'])
type StoredView = v.InferOutput<typeof StoredView>

async function insertOwnStream(tx: Tx, context: LiveContext, owner: SignedIn, row: OwnRow): Promise<Stream> {
  const { userId } = owner.user
  await lockSignedIn(tx, owner)
  if ((await countOpenStreams(tx, userId)) >= MAX_OPEN_STREAMS) throw tooManyStreams()
  if (row.isRecorded) await requireRoom(context, tx, userId)
  const { srtPorts } = context.settings.live
  const srtPort = srtPorts === null ? null : await chooseSrtPort(tx, srtPorts)
  const stream = await insertStream(tx, { ...row, userId, srtPort })
  await announceStream(tx, stream)
  return stream
}

type OwnRow = Omit<NewStream, 'userId' | 'srtPort'>

function rowOf(body: CreateStreamBody, streamId: string): Omit<OwnRow, 'keyHash'> {
  return {
    streamId,
    title: body.title,
    description: body.description,
    category: body.category,
    tags: body.tags,
    visibility: body.visibility,
    latency: body.latency,
    isRecorded: body.record,
    keepsChat: body.chat_replay,
    dvrSec: body.dvr_sec,
    state: body.scheduled_for === null ? 'ready' : 'scheduled',
    scheduledFor: body.scheduled_for === null ? null : new Date(body.scheduled_for),
    folder: folderOf(streamId, body.visibility),
  }
}

function tooManyStreams(): BrokenRule {
  const message = `${MAX_OPEN_STREAMS} broadcasts of this account have not ended, which is the limit; end or delete some`
  return new BrokenRule(LIVE_ERRORS.TOO_MANY_STREAMS, message)
}
