import * as v from 'valibot'

import { newUuid } from '../../../shared/ids.ts'
import { BrokenRule, invalidField } from '../../errors.ts'
import { answerOnce, type IdempotentCall } from '../../http/idempotency.ts'
import type { Tx } from '../../ports/database.ts'
import { limitAction } from '../accounts/limit-attempts.ts'
import { lockSignedIn } from '../accounts/lock-signed-in.ts'
import type { SignedIn } from '../accounts/session.ts'
import { findWatchableArchive } from '../archives/read-archives.ts'
import { findWatchableStream } from '../broadcasts/find-own-stream.ts'
import { findBan } from '../chat/store/bans.ts'
import type { LiveContext } from '../context.ts'
import { LIVE_ERRORS } from '../errors.ts'
import { CLIP_SEC, locateClip, sumDurations, type ClipRange, type TimedSegment } from '../rules/clip-range.ts'
import { windowSecOf } from '../rules/window.ts'
import { isStorageFull } from '../storage/quota.ts'
import { countUnfinishedClips, findClip, insertClip, type OwnedClip } from '../store/clips.ts'
import { findWindowStart, listDurations } from '../store/segments.ts'
import { lockStream, type Stream } from '../store/streams.ts'
import { ClipView, presentClip } from './present.ts'
import type { ArchiveClipBody, StreamClipBody } from './requests.ts'
import { startClips } from './start-clips.ts'

/** New clips of one user within a window. */
const NEW_CLIPS = { action: 'clip', max: 20, windowSec: 900 }
/** Clips of all users that may wait. */
const MAX_UNFINISHED = 100
const BUSY_RETRY_SEC = 60
/** A clip of the last moments is possible without DVR too; a segment may be older than the window by its own length. */
const SHORTEST_WINDOW_SEC = CLIP_SEC.max + 10

/** What is cut: a title, a duration, and where it lies in the segments that may be cut. */
type ClipDraft = {
  readonly streamId: string
  readonly title: string
  readonly durationSec: number
  /** Returns the first segment that may be cut. */
  readonly findFirstSeq: (tx: Tx, stream: Stream) => Promise<number>
  /** Returns where the clip begins in segments of `totalSec` seconds. */
  readonly startIn: (totalSec: number) => number
  readonly call: IdempotentCall | null
}

/** What a clip is ordered of, and by which call: it makes one clip, however often it is repeated. */
type ClipOrderCall = { readonly id: string; readonly call: IdempotentCall | null }

/**
 * Orders a clip of a broadcast that the user may watch, also while it is live: of the last seconds, or of earlier ones.
 * @throws BrokenRule STREAM_NOT_FOUND, INVALID_CONFIG where the range is not stored, CHAT_BANNED, STORAGE_FULL,
 * CLIP_LIMITED, CLIPS_BUSY, IDEMPOTENCY_KEY_REUSED
 */
export async function clipStream(
  context: LiveContext,
  maker: SignedIn,
  { id, call }: ClipOrderCall,
  { start, duration, title }: StreamClipBody,
): Promise<ClipView> {
  if (start !== undefined && start + duration > 0) {
    throw invalidField('start', `must be at most -${duration}: the clip would end after the newest stored picture`)
  }
  const { stream } = await findWatchableStream(context.db, maker, id)
  return createClip(context, maker, {
    streamId: id,
    title: title ?? stream.title,
    durationSec: duration,
    findFirstSeq: findLiveStart,
    startIn: (totalSec) => totalSec + (start ?? -duration),
    call,
  })
}

/**
 * Orders a clip of a recording that the user may watch.
 * @throws BrokenRule ARCHIVE_NOT_FOUND, INVALID_CONFIG where the range is not stored, CHAT_BANNED, STORAGE_FULL,
 * CLIP_LIMITED, CLIPS_BUSY, IDEMPOTENCY_KEY_REUSED
 */
export async function clipArchive(
  context: LiveContext,
  maker: SignedIn,
  { id, call }: ClipOrderCall,
  { start, duration, title }: ArchiveClipBody,
): Promise<ClipView> {
  const { archive } = await findWatchableArchive(context, maker, id)
  return createClip(context, maker, {
    streamId: archive.streamId,
    title: title ?? archive.title,
    durationSec: duration,
    findFirstSeq: async () => 0,
    startIn: () => start,
    call,
  })
}

/** Returns the first segment that viewers of a broadcast may go back to: as far as its playlist, or as a clip is long. */
async function findLiveStart(tx: Tx, { streamId, state, isRecorded, dvrSec }: Stream): Promise<number> {
  if (state === 'ended' && isRecorded) return 0
  return findWindowStart(tx, streamId, Math.max(windowSecOf({ dvrSec }), SHORTEST_WINDOW_SEC))
}

async function createClip(context: LiveContext, maker: SignedIn, draft: ClipDraft): Promise<ClipView> {
  const answer = await context.transact((tx) =>
    answerOnce(tx, draft.call, async () => {
      await limitAction(tx, maker.user.userId, NEW_CLIPS, {
        error: LIVE_ERRORS.CLIP_LIMITED,
        problem: 'too many clips were cut',
      })
      const view = presentClip(context, await insertOwnClip(tx, { context, maker, draft }), maker)
      return { status: 201, body: JSON.stringify(view) }
    }),
  )
  await startClips(context)
  return v.parse(ClipView, JSON.parse(answer.body))
}

type ClipToInsert = { readonly context: LiveContext; readonly maker: SignedIn; readonly draft: ClipDraft }

async function insertOwnClip(tx: Tx, { context, maker, draft }: ClipToInsert): Promise<OwnedClip> {
  await lockSignedIn(tx, maker)
  // Retention removes no segment meanwhile, and none that the clip needs from then on.
  const stream = await lockStream(tx, draft.streamId)
  if (stream === null) throw new BrokenRule(LIVE_ERRORS.STREAM_NOT_FOUND, 'there is no broadcast of this id')
  await requireLeave(context, tx, { stream, maker })
  const segments = await listDurations(tx, stream.streamId, await draft.findFirstSeq(tx, stream))
  const { clipId } = await insertClip(tx, {
    clipId: newUuid(),
    streamId: stream.streamId,
    makerId: maker.user.userId,
    title: draft.title,
    status: 'processing',
    durationSec: draft.durationSec,
    ...rangeOf(segments, draft),
  })
  const found = await findClip(tx, clipId)
  if (found === null) throw new Error('the clip was not inserted')
  return found
}

/** Returns where a clip lies. @throws BrokenRule INVALID_CONFIG where it is not stored whole */
function rangeOf(segments: readonly TimedSegment[], { durationSec, startIn }: ClipDraft): ClipRange {
  const totalSec = sumDurations(segments)
  const range = locateClip(segments, { startSec: startIn(totalSec), durationSec })
  if (range !== null) return range
  const stored = Math.floor(totalSec)
  if (durationSec > totalSec) throw invalidField('duration', `is longer than what can be cut, which is ${stored} s`)
  throw invalidField('start', `with this duration is not within what can be cut, which is ${stored} s`)
}

type Leave = { readonly stream: Stream; readonly maker: SignedIn }

async function requireLeave(context: LiveContext, tx: Tx, { stream, maker }: Leave): Promise<void> {
  if ((await findBan(tx, stream.userId, maker.user.userId)) !== null) {
    throw new BrokenRule(LIVE_ERRORS.CHAT_BANNED, 'this channel has banned you: you cannot cut clips of it')
  }
  if (await isStorageFull(context, tx, stream.userId)) {
    throw new BrokenRule(
      LIVE_ERRORS.STORAGE_FULL,
      'the storage of this channel is full; its owner can delete recordings',
    )
  }
  if ((await countUnfinishedClips(tx)) >= MAX_UNFINISHED) {
    const extras = { retryAfterSec: BUSY_RETRY_SEC }
    throw new BrokenRule(LIVE_ERRORS.CLIPS_BUSY, 'too many clips are being made; try again in a minute', extras)
  }
}
