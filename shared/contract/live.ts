/**
 * The agreement of the gateway with the workers of live. An `ingest` worker receives what encoders publish. A `live`
 * worker reads one broadcast from it, encodes the ladder, stores segments and reports them; playlists are queries of the
 * reported segments.
 */

import * as v from 'valibot'

import { count, seconds, shortText, small, uuid } from './live-fields.ts'
import { CallAccepted, CallNumber } from './assignment.ts'
import { TargetOrder, TargetReport } from './live-targets.ts'

const httpUrl = v.pipe(v.string(), v.maxLength(2000), v.url())

/** Length of a segment, in seconds; key frames are this far apart. */
export const SEGMENT_SEC = 2
/** Most seconds of a segment or a part, as the contract accepts them. */
export const MAX_SEGMENT_SEC = 60
/** Length of a part of a broadcast with `low` latency, in seconds. */
export const PART_SEC = 1 / 3
/** Interval of the reports of an ingest worker and of a live worker, in ms. */
export const LIVE_REPORT_INTERVAL_MS = 2000
/** A publisher that has sent nothing for this long may be replaced by another one, in ms. */
export const STALE_PUBLISHER_MS = 5000

/** `low` adds parts (LL-HLS); `normal` has segments only. */
export const Latency = v.picklist(['low', 'normal'], 'must be low or normal')
export type Latency = v.InferOutput<typeof Latency>

/*
 * A live worker reads a session by `GET {url}?from=MS`, which answers with FLV: from the newest kept key frame at or before
 * `from` on, or from the newest one. The body ends when the session ends; a broken connection is no end. Requests are signed
 * as callbacks are, under `token`. Timestamps are milliseconds since the session's begin: they never jump back, and a gap of
 * more than 10 s is closed. `X-First-Timestamp` is that of the first frame; `X-Base-Ms` is the unix time in ms at which
 * timestamp 0 arrived.
 */

/** Where a live worker reads what an encoder publishes. */
export const IngestSource = v.object({
  /** The connection of the encoder. */
  session: uuid,
  url: httpUrl,
  token: v.pipe(v.string(), v.minLength(16), v.maxLength(200)),
})
export type IngestSource = v.InferOutput<typeof IngestSource>

/** Asks whether an encoder may publish. Sent before `NetStream.Publish.Start`. */
export const PublishRequest = v.object({
  epoch: v.pipe(small, v.minValue(1)),
  /** SHA-256 of the stream key, in hex. The key itself goes nowhere. */
  key_hash: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  /** Address of the encoder. */
  address: shortText,
  source: IngestSource,
  /** Sessions of this worker that have sent something within `STALE_PUBLISHER_MS`. */
  active_sessions: v.pipe(v.array(uuid), v.maxLength(10_000)),
  /** Only asks: the broadcast does not go on the air by it. */
  is_trial: v.optional(v.boolean(), false),
  /** How long the worker waits for the answer, in ms: an encoder is not admitted later. Absent: unknown. */
  answer_within_ms: v.optional(v.pipe(small, v.minValue(1))),
})
export type PublishRequest = v.InferOutput<typeof PublishRequest>

/** The encoder may publish. Any refusal is a `Refusal` whose message is for the encoder's user. */
export const PublishAccepted = v.object({ stream_id: uuid })
export type PublishAccepted = v.InferOutput<typeof PublishAccepted>

/** An offer of WHIP (RFC 9725) to an ingest worker, by `POST {whip.url}`, and the answer. `DELETE {whip.url}/{stream_id}/{session}`
 * ends the session. Both are signed as callbacks are, under the worker's token. `agent`: the publisher's name of its program. */
export const WhipRequest = v.object({
  ...v.pick(PublishRequest, ['key_hash', 'address']).entries,
  stream_id: uuid,
  agent: v.nullable(shortText),
  sdp: v.pipe(v.string(), v.maxLength(65_536)),
})
export type WhipRequest = v.InferOutput<typeof WhipRequest>
export const WhipAccepted = v.object({ session: uuid, sdp: v.string() })
export type WhipAccepted = v.InferOutput<typeof WhipAccepted>

/** A measured track of a publisher. */
const VideoFacts = v.object({
  codec: shortText,
  width: small,
  height: small,
  fps: seconds,
  /** Distance of key frames; `null` before the second one. */
  keyframe_interval_sec: v.nullable(seconds),
})
const AudioFacts = v.object({ codec: shortText, sample_rate: small, channels: small })

/** What an encoder sends, measured over the last seconds. */
export const PublisherFacts = v.object({
  bit_rate_kbps: seconds,
  video: v.nullable(VideoFacts),
  audio: v.nullable(AudioFacts),
  /** Frames that are missing in the timestamps since the start. */
  dropped_frames: count,
  /** Deviation of the arrival of frames from their timestamps, in ms. */
  jitter_ms: seconds,
  /** The encoder's own name of itself, from `onMetaData`. */
  encoder: v.nullable(shortText),
})
export type PublisherFacts = v.InferOutput<typeof PublisherFacts>

/** One publishing encoder of an ingest worker. */
export const IngestSession = v.object({
  session: uuid,
  stream_id: uuid,
  /** Time since its last byte of media, in ms. */
  silent_ms: count,
  /** The reason why the session has ended; `null` while it publishes. An ended session is reported once. */
  ended: v.nullable(shortText),
  facts: PublisherFacts,
})
export type IngestSession = v.InferOutput<typeof IngestSession>

/** Sessions that a report names as abandoned. */
export const MAX_ABANDONED = 1000

/** A report of an ingest worker: every two seconds, and at once when a session begins or ends. */
export const IngestReport = v.object({
  ...CallNumber.entries,
  /** The ports on which it listens; `rtmps` is `null` without a certificate. */
  ports: v.object({ rtmp: small, rtmps: v.nullable(small) }),
  /** Where it takes offers of WHIP; `null`: it takes none. */
  whip: v.optional(v.nullable(v.object({ url: httpUrl })), null),
  sessions: v.pipe(v.array(IngestSession), v.maxLength(10_000)),
  /** Sessions that were refused because no answer arrived in time: should one have been admitted, its encoder is gone. */
  abandoned: v.optional(v.pipe(v.array(uuid), v.maxLength(MAX_ABANDONED)), []),
})
export type IngestReport = v.InferOutput<typeof IngestReport>

/** What the gateway knows of a session. */
export const SessionVerdict = v.object({
  session: uuid,
  /** `null`: the session goes on. Otherwise the worker ends it, and shows the encoder this reason. */
  end_reason: v.nullable(shortText),
  /** End of the last reported segment, in ms of the session's timestamps. What is older need not be kept. */
  known_until_ms: v.nullable(count),
})
export type SessionVerdict = v.InferOutput<typeof SessionVerdict>

/** A listener for SRT of one broadcast, which an encoder reaches by its passphrase alone. */
export const SrtListener = v.object({
  stream_id: uuid,
  /** Of UDP. */
  port: v.pipe(small, v.minValue(1), v.maxValue(65_535)),
  /** It must not break out of a URL, and SRT takes 10 to 79 characters. */
  passphrase: v.pipe(v.string(), v.regex(/^[0-9a-f]{10,79}$/)),
  key_hash: PublishRequest.entries.key_hash,
})
export type SrtListener = v.InferOutput<typeof SrtListener>

/** The answer to an accepted report of an ingest worker. */
export const IngestReportAccepted = v.object({
  ...CallAccepted.entries,
  sessions: v.array(SessionVerdict),
  /** All listeners that the worker keeps open. */
  srt: v.optional(v.pipe(v.array(SrtListener), v.maxLength(1000)), []),
})
export type IngestReportAccepted = v.InferOutput<typeof IngestReportAccepted>

/** A rung of the ladder that may be encoded. The rung's name is its height: `720`. Upright pictures have it as their width. */
export const LadderRung = v.object({
  height: v.pipe(small, v.minValue(16), v.maxValue(4320)),
  video_kbps: v.pipe(small, v.minValue(1)),
})
export type LadderRung = v.InferOutput<typeof LadderRung>

/** Sessions of a broadcast that wait to be stored to their ends: an encoder that connects again and again has many. */
export const MAX_UNFINISHED_SOURCES = 4

/** The task of a live worker, in `Claim.order`. */
export const BroadcastOrder = v.object({
  stream_id: uuid,
  latency: Latency,
  /** The ladder, the highest rung first. Rungs above the source are left out. */
  ladder: v.pipe(v.array(LadderRung), v.minLength(1), v.maxLength(10)),
  /** Folder of the broadcast in the store: `live/{stream_id}/`; the worker adds `{epoch}/{rung}/`. */
  folder: shortText,
  source: v.nullable(IngestSource),
  /** The encoders whose sessions are not stored to their ends, the oldest first; `source` may be the last one. */
  unfinished_sources: v.optional(v.pipe(v.array(IngestSource), v.maxLength(MAX_UNFINISHED_SOURCES)), []),
  /** Where the reported segments end: the session, and ms of its timestamps. `null` before the first segment. */
  known_until: v.nullable(v.object({ session: uuid, ms: count })),
})
export type BroadcastOrder = v.InferOutput<typeof BroadcastOrder>

/** A rung as it was encoded. */
export const EncodedRung = v.object({
  /** The shorter side of the picture: `720`. The highest rung may be the source itself. */
  name: v.pipe(v.string(), v.regex(/^\d{2,4}$/)),
  width: small,
  height: small,
  frame_rate: seconds,
  /** RFC 6381: `avc1.64001f,mp4a.40.2`. */
  codecs: shortText,
  /** Peak bit rate of the rung with its sound, in bit/s (RFC 8216 §4.3.4.2). */
  bandwidth: v.pipe(small, v.minValue(1)),
})
export type EncodedRung = v.InferOutput<typeof EncodedRung>

/** One run of the encoder within an epoch. A new run begins with a discontinuity and has initialization segments of its own. */
export const EncoderRun = v.object({
  run: v.pipe(small, v.minValue(1)),
  session: uuid,
  /** The highest rung first. Each has `{folder}{epoch}/{rung}/init-{run}.mp4`. */
  rungs: v.pipe(v.array(EncodedRung), v.minLength(1), v.maxLength(10)),
})
export type EncoderRun = v.InferOutput<typeof EncoderRun>

/** A stored segment, the same of all rungs: `{folder}{epoch}/{rung}/{n}.m4s`. */
export const StoredSegment = v.object({
  /** Number within the epoch, from 0. */
  n: small,
  run: v.pipe(small, v.minValue(1)),
  duration_sec: v.pipe(v.number(), v.gtValue(0), v.maxValue(MAX_SEGMENT_SEC)),
  /** Time of its first frame (ISO 8601). */
  program_date_time: v.pipe(v.string(), v.isoTimestamp()),
  /** Its begin and end in the session's timestamps, in ms. */
  start_ms: count,
  end_ms: count,
  /** Video frames of one rung. */
  frames: small,
  /** Bytes of each rung, in the order of the run's rungs. */
  bytes: v.pipe(v.array(small), v.minLength(1), v.maxLength(10)),
  /** It could not be stored, and is lost. */
  is_missing: v.optional(v.boolean()),
})
export type StoredSegment = v.InferOutput<typeof StoredSegment>

/** The condition of a broadcast's encoding. */
export const BroadcastHealth = v.object({
  /** Time from the arrival of a frame to its packaging, in seconds: now − (base + pts). */
  lag_sec: seconds,
  /** The highest rung is left out because the encoder fell behind. */
  is_top_rung_dropped: v.boolean(),
  /** The highest rung is the source itself. */
  is_passed_through: v.boolean(),
  /** Why nothing can be encoded now; `null`: nothing is wrong. */
  problem: v.nullable(shortText),
  /** Segments that are not stored yet. Absent: unknown. */
  waiting_segments: v.optional(small),
})
export type BroadcastHealth = v.InferOutput<typeof BroadcastHealth>

/** A report of a live worker: every two seconds, and at once with each segment. */
export const BroadcastReport = v.object({
  ...CallNumber.entries,
  /** Runs that this report's segments are the first ones of. */
  runs: v.pipe(v.array(EncoderRun), v.maxLength(50)),
  segments: v.pipe(v.array(StoredSegment), v.maxLength(50)),
  health: BroadcastHealth,
  /** Where gateways read the parts, see `PartEvent`; `null` with `normal` latency. */
  parts_url: v.nullable(httpUrl),
  /** Frames of the session were all encoded and reported: it has ended, and its source is closed. */
  finished_session: v.nullable(uuid),
  /** A picture of the broadcast was stored as `{folder}poster-{poster}.jpg`; `null`: none yet. */
  poster: v.nullable(small),
  /** The targets that the worker pushes to. Absent: it cannot. */
  targets: v.optional(v.pipe(v.array(TargetReport), v.maxLength(50))),
})
export type BroadcastReport = v.InferOutput<typeof BroadcastReport>

/** The answer to an accepted report of a live worker. */
export const BroadcastReportAccepted = v.object({
  ...CallAccepted.entries,
  /** What to read now; `null` while no encoder publishes. */
  source: v.nullable(IngestSource),
  /** What earlier sessions have sent and is not stored to its end, oldest first; it is read before `source`. */
  unfinished_sources: v.optional(v.pipe(v.array(IngestSource), v.maxLength(MAX_UNFINISHED_SOURCES)), []),
  /** The broadcast has ended: nothing more comes. */
  is_over: v.boolean(),
  /** All targets of the broadcast; the worker stops pushing to others. Absent: nothing changes. */
  targets: v.optional(v.pipe(v.array(TargetOrder), v.maxLength(50))),
})
export type BroadcastReportAccepted = v.InferOutput<typeof BroadcastReportAccepted>

/**
 * A line of `GET {parts_url}/feed` (newline-delimited JSON), which begins with the parts that are kept. The part itself is
 * `GET {parts_url}/parts/{run}/{rung}/{n}.{part}.m4s`. Requests are signed as callbacks are, under the worker's token.
 */
export const PartEvent = v.object({
  epoch: small,
  run: v.pipe(small, v.minValue(1)),
  n: small,
  part: small,
  rung: v.string(),
  duration_sec: v.pipe(v.number(), v.gtValue(0), v.maxValue(MAX_SEGMENT_SEC)),
  /** It begins with a key frame. */
  is_independent: v.boolean(),
  program_date_time: v.pipe(v.string(), v.isoTimestamp()),
  /** The session of its run, its begin in ms of that session's timestamps, and what its rung is. Absent: unknown. */
  session: v.optional(uuid),
  start_ms: v.optional(count),
  encoded: v.optional(v.pick(EncodedRung, ['codecs', 'width', 'height'])),
})
export type PartEvent = v.InferOutput<typeof PartEvent>
