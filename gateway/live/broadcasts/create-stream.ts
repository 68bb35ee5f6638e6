import { newUuid } from '../../../shared/ids.ts'
import { BrokenRule } from '../../errors.ts'
import type { SignedIn } from '../accounts/session.ts'
import { lockUser } from '../accounts/store/users.ts'
import { sessionEnded } from '../accounts/session.ts'
import type { LiveContext } from '../context.ts'
import { LIVE_ERRORS } from '../errors.ts'
import { newCode } from '../new-code.ts'
import { readIngestAddresses } from '../ingest/read-ingest-addresses.ts'
import { viewOf } from './get-stream.ts'
import type { CreatedStream } from './present.ts'
import type { CreateStreamBody } from './requests.ts'
import { requireRoom } from '../storage/quota.ts'
import { countOpenStreams, insertStream } from '../store/streams.ts'
import { newStreamKey } from './stream-key.ts'
import type { Visibility } from '../rules/visibility.ts'

/** Broadcasts of one user that have not ended. */
const MAX_OPEN_STREAMS = 100

/**
 * Creates a broadcast. Its stream key is in the answer, and nowhere else.
 * @throws BrokenRule TOO_MANY_STREAMS, STORAGE_FULL
 */
export async function createStream(
  context: LiveContext,
  owner: SignedIn,
  body: CreateStreamBody,
): Promise<CreatedStream> {
  const { key, hash } = newStreamKey()
  const streamId = newUuid()
  const stream = await context.transact(async (tx) => {
    if ((await lockUser(tx, owner.user.userId)) === null) throw sessionEnded()
    if ((await countOpenStreams(tx, owner.user.userId)) >= MAX_OPEN_STREAMS) throw tooManyStreams()
    if (body.record) await requireRoom(context, tx, owner.user.userId)
    return insertStream(tx, {
      streamId,
      userId: owner.user.userId,
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
      keyHash: hash,
      folder: folderOf(streamId, body.visibility),
    })
  })
  const ingest = await readIngestAddresses(context, streamId)
  return { ...viewOf(context, { stream, username: owner.user.username }, owner), ingest, stream_key: key }
}

/** Returns the folder of a broadcast in the store. Where it is not public, the name cannot be guessed. */
function folderOf(streamId: string, visibility: Visibility): string {
  return visibility === 'public' ? `live/${streamId}/` : `live/${streamId}/${newCode()}/`
}

function tooManyStreams(): BrokenRule {
  const message = `${MAX_OPEN_STREAMS} broadcasts of this account have not ended, which is the limit; end or delete some`
  return new BrokenRule(LIVE_ERRORS.TOO_MANY_STREAMS, message)
}
