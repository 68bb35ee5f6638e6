import * as v from 'valibot'

import { BroadcastHealth, Latency, PublisherFacts } from '../../../shared/contract/live.ts'
import type { SignedIn } from '../accounts/session.ts'
import { adviceFor } from './advice.ts'
import { IngestAddresses } from '../ingest/read-ingest-addresses.ts'
import type { PlaybackAddresses } from '../playback/addresses.ts'
import { BROADCAST_STATES, isOnAir } from '../rules/broadcast-state.ts'
import type { OwnedStream, Stream } from '../store/streams.ts'
import { Visibility } from '../rules/visibility.ts'

const Moment = v.pipe(v.string(), v.isoTimestamp())

/** The condition of a broadcast, for its owner: what the encoder sends, and how it is encoded. */
const StreamHealth = v.object({
  publisher: v.nullable(PublisherFacts),
  encoding: v.nullable(BroadcastHealth),
  /** What viewers see or hear that is wrong: `black`, `frozen`, `silent` or `stalled`, and since when. */
  alerts: v.array(v.object({ kind: v.string(), since: v.string() })),
  /** What the owner can do better, in words. */
  advice: v.array(v.string()),
})

/** A broadcast as a viewer sees it; `health` and `end_reason` are for its owner. */
export const StreamView = v.object({
  stream_id: v.string(),
  user: v.object({ user_id: v.string(), username: v.string() }),
  title: v.string(),
  description: v.string(),
  category: v.string(),
  tags: v.array(v.string()),
  state: v.picklist(BROADCAST_STATES),
  visibility: Visibility,
  latency: Latency,
  record: v.boolean(),
  /** Whether its chat is kept with the recording. */
  chat_replay: v.boolean(),
  /** To its owner: it is not recorded, because the storage of the account was full when it started. */
  is_out_of_room: v.boolean(),
  dvr_sec: v.number(),
  scheduled_for: v.nullable(Moment),
  started_at: v.nullable(Moment),
  ended_at: v.nullable(Moment),
  end_reason: v.nullable(v.string()),
  viewer_count: v.number(),
  peak_viewers: v.number(),
  /** `null` where there is nothing to play. May be relative to the gateway. */
  playback_url: v.nullable(v.string()),
  poster_url: v.nullable(v.string()),
  health: v.nullable(StreamHealth),
  created_at: Moment,
})
export type StreamView = v.InferOutput<typeof StreamView>

/** Answer to `GET /streams`. */
export const StreamList = v.object({ streams: v.array(StreamView), next_cursor: v.nullable(v.string()) })
export type StreamList = v.InferOutput<typeof StreamList>

/** Answer to `POST /streams`. */
export const CreatedStream = v.object({ ...StreamView.entries, ingest: IngestAddresses, stream_key: v.string() })
export type CreatedStream = v.InferOutput<typeof CreatedStream>

/** Answer to `GET /streams/{id}/viewers`: the most viewers in each minute on the air. */
export const ViewerCurve = v.object({ viewers: v.array(v.object({ minute: Moment, count: v.number() })) })
export type ViewerCurve = v.InferOutput<typeof ViewerCurve>

/** Answer to `POST /streams/{id}/key`. */
export const RenewedKey = v.object({ ingest: IngestAddresses, stream_key: v.string() })
export type RenewedKey = v.InferOutput<typeof RenewedKey>

/** Returns a broadcast as its viewer sees it; the addresses are for this viewer. */
export function presentStream(
  { stream, username }: OwnedStream,
  viewer: SignedIn | null,
  { playbackUrl, posterUrl }: PlaybackAddresses,
): StreamView {
  const isOwner = viewer?.user.userId === stream.userId
  return {
    stream_id: stream.streamId,
    user: { user_id: stream.userId, username },
    title: stream.title,
    description: stream.description,
    category: stream.category,
    tags: stream.tags,
    state: stream.state,
    visibility: stream.visibility,
    latency: stream.latency,
    record: stream.isRecorded,
    chat_replay: stream.keepsChat,
    is_out_of_room: isOwner && stream.isOutOfRoom,
    dvr_sec: stream.dvrSec,
    scheduled_for: toIso(stream.scheduledFor),
    started_at: toIso(stream.startedAt),
    ended_at: toIso(stream.endedAt),
    end_reason: isOwner ? stream.endReason : null,
    viewer_count: isOnAir(stream.state) ? stream.viewerCount : 0,
    peak_viewers: stream.peakViewers,
    playback_url: playbackUrl,
    poster_url: posterUrl,
    health: isOwner && isOnAir(stream.state) ? presentHealth(stream) : null,
    created_at: stream.createdAt.toISOString(),
  }
}

function toIso(moment: Date | null): string | null {
  return moment === null ? null : moment.toISOString()
}

type StreamHealth = v.InferOutput<typeof StreamHealth>

function presentHealth({ publisherFacts, publisherSession, health, alerts }: Stream): StreamHealth {
  const publisher = publisherSession === null ? null : publisherFacts
  const open = Object.entries(alerts).map(([kind, since]) => ({ kind, since }))
  return { publisher, encoding: health, alerts: open, advice: adviceFor(publisher, health) }
}
