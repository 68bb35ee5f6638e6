import type { PublisherFacts } from '../../../../shared/contract/live.ts'
import { encodeFlvTag, TAG_TYPE, type FlvTag } from '../../flv/flv-tag.ts'
import { readAudioPayload, readVideoPayload, type MediaPayload } from '../../flv/media-payload.ts'
import type { AmfValue } from '../rtmp/amf0-value.ts'
import { encodeAmf0 } from '../rtmp/amf0-writer.ts'
import type { RtmpMessage } from '../rtmp/rtmp-message.ts'
import { createFactsMeter, type FactsMeter } from './publisher-facts.ts'
import {
  createReplayBuffer,
  type KeptTag,
  type ReplayBuffer,
  type ReplayStart,
  type ReplayTag,
} from './replay-buffer.ts'
import type { SavedSession } from './restore-sessions.ts'
import type { SessionJournal } from './session-journal.ts'
import { createSessionTime, type MediaTrack, type SessionTime } from './session-time.ts'

/** The media of one session: placed on the session's time, measured, and kept for readers. */
export type SessionMedia = {
  /** Takes an audio or video message. Returns the reason in words why the session must end, `null` if it goes on. */
  receive(message: RtmpMessage, nowMs: number): string | null
  /** Takes a data message. All but `onMetaData` is ignored. */
  receiveData(values: readonly AmfValue[]): void
  /** States that nothing more comes. */
  end(): void
  readonly hasEnded: () => boolean
  /** Drops what is older than the segments that the gateway knows; `knownUntilMs` is in ms of the session's time. */
  trim(knownUntilMs: number): void
  /** Removes its copy on disk, where there is one; it must have ended. */
  discard(): void
  readonly facts: (nowMs: number) => PublisherFacts
  readonly droppedGroups: () => number
  /** Bytes that are kept. */
  readonly keptBytes: () => number
  /** Bytes of all tags so far. */
  readonly endPosition: () => number
  readonly lastTimestampMs: () => number
  /** Unix time in ms at which timestamp 0 arrived: the least of all frames, since the last jump that was closed up. */
  readonly baseMs: () => number | null
  /** Returns where a reader begins; `null` if no key frame is kept. */
  findStart(fromMs: number | null): ReplayStart | null
  /** Calls `onChange` with each new tag and at the end, until the returned function is called. */
  watch(onChange: () => void): () => void
}

type SessionMediaState = {
  readonly replay: ReplayBuffer
  readonly journal: SessionJournal | null
  readonly time: SessionTime
  readonly meter: FactsMeter
  readonly watchers: Set<() => void>
  readonly headers: Map<MediaTrack, KeptHeader>
  baseMs: number | null
  hasEnded: boolean
}

type KeptHeader = { readonly codec: string; readonly body: Buffer }

const ACCEPTED: Readonly<Record<MediaTrack, ReadonlySet<string>>> = {
  audio: new Set(['aac', 'opus']),
  video: new Set(['h264', 'hevc', 'av1']),
}
const ADVICE: Readonly<Record<MediaTrack, string>> = {
  audio: 'send AAC or Opus',
  video: 'send H.264, HEVC or AV1',
}
const MAX_HEADER_BYTES = 65_536
/** Most bytes of five seconds, 100 Mb/s: more would take the line and the processor from the other encoders. */
const MAX_RECENT_BYTES = 62_500_000

/** Where the media of a session is kept. */
export type MediaKeeping = {
  /** Returns how many bytes may be kept in memory. */
  readonly capacityBytes: () => number
  /** The copy on disk; `null`: there is none. */
  readonly journal: SessionJournal | null
}

/** Creates the media of a session that begins now. */
export function createSessionMedia(startMs: number, keeping: MediaKeeping): SessionMedia {
  return toSessionMedia(createState(startMs, keeping))
}

/** Creates the media of a session that has ended with the ingest worker that received it. */
export function restoreSessionMedia(saved: SavedSession, capacityBytes: () => number): SessionMedia {
  const journal = { append: () => undefined, trim: () => undefined, remove: () => saved.remove() }
  const state = createState(0, { capacityBytes, journal })
  state.baseMs = saved.baseMs
  for (const tag of saved.tags) restoreTag(state, tag)
  state.hasEnded = true
  state.replay.end()
  return { ...toSessionMedia(state), lastTimestampMs: () => saved.tags.at(-1)?.timestampMs ?? 0 }
}

function createState(startMs: number, { capacityBytes, journal }: MediaKeeping): SessionMediaState {
  return {
    replay: createReplayBuffer(capacityBytes),
    journal,
    time: createSessionTime(),
    meter: createFactsMeter(startMs),
    watchers: new Set(),
    headers: new Map(),
    baseMs: null,
    hasEnded: false,
  }
}

function toSessionMedia(state: SessionMediaState): SessionMedia {
  return {
    receive: (message, nowMs) => receiveMedia(state, message, nowMs),
    receiveData: (values) => receiveData(state, values),
    end: () => {
      state.hasEnded = true
      state.replay.end()
      notifyWatchers(state)
    },
    hasEnded: () => state.hasEnded,
    trim: (knownUntilMs) => {
      state.replay.trim(knownUntilMs)
      state.journal?.trim(knownUntilMs)
    },
    discard: () => void state.journal?.remove(),
    facts: (nowMs) => state.meter.facts(nowMs),
    droppedGroups: () => state.replay.dropped(),
    keptBytes: () => state.replay.bytes(),
    endPosition: () => state.replay.endPosition(),
    lastTimestampMs: () => state.time.latestMs(),
    baseMs: () => state.baseMs,
    findStart: (fromMs) => state.replay.findStart(fromMs),
    watch: (onChange) => {
      state.watchers.add(onChange)
      return () => state.watchers.delete(onChange)
    },
  }
}

/** Resolves once a tag follows `tag`, the media has ended, or the signal aborts. */
export function waitForNextTag(media: SessionMedia, tag: KeptTag, signal: AbortSignal): Promise<void> {
  return waitForChange(media, () => tag.next !== null, signal)
}

/** Resolves once a condition holds, the media has ended, or the signal aborts. */
export function waitForChange(media: SessionMedia, holds: () => boolean, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const check = () => {
      if (!holds() && !media.hasEnded() && !signal.aborted) return
      stopWatching()
      signal.removeEventListener('abort', check)
      resolve()
    }
    const stopWatching = media.watch(check)
    signal.addEventListener('abort', check)
    check()
  })
}

function notifyWatchers(state: SessionMediaState): void {
  for (const notify of state.watchers) notify()
}

function receiveMedia(state: SessionMediaState, { type, timestamp, body }: RtmpMessage, nowMs: number): string | null {
  const track = type === TAG_TYPE.audio ? 'audio' : 'video'
  const payload = track === 'audio' ? readAudioPayload(body) : readVideoPayload(body)
  if (payload.kind === 'empty') return null
  const problem = findCodecProblem(state, track, payload)
  if (problem !== null) return problem
  if (payload.kind === 'header' ? !takeHeader(state, track, payload, body) : !state.headers.has(track)) return null
  const isFrame = payload.kind === 'key_frame' || payload.kind === 'frame'
  const timestampMs = isFrame ? placeFrame(state, track, timestamp, nowMs) : state.time.latestMs()
  state.meter.add({ track, payload, body, timestampMs }, nowMs)
  if (state.meter.recentBytes(nowMs) > MAX_RECENT_BYTES) return 'the bit rate is above 100 Mb/s'
  const bytes = encodeFlvTag({ type, timestampMs, body })
  keep(state, { track, kind: payload.kind, bytes, timestampMs })
  notifyWatchers(state)
  return null
}

function keep({ journal, replay, baseMs }: SessionMediaState, tag: ReplayTag): void {
  journal?.append(tag, replay.start(), baseMs)
  replay.append(tag)
}

/** Takes a tag from a journal, whose files repeat the headers. */
function restoreTag({ headers, replay }: SessionMediaState, { type, timestampMs, body }: FlvTag): void {
  const bytes = encodeFlvTag({ type, timestampMs, body })
  if (type === TAG_TYPE.script) return replay.setMetadata(bytes)
  const track = type === TAG_TYPE.audio ? 'audio' : 'video'
  const { kind, codec } = track === 'audio' ? readAudioPayload(body) : readVideoPayload(body)
  if (kind === 'header') {
    if (headers.get(track)?.body.equals(body)) return
    headers.set(track, { codec, body })
  }
  replay.append({ track, kind, bytes, timestampMs })
}

/** Places a frame on the session's time, and keeps the base up to date. */
function placeFrame(state: SessionMediaState, track: MediaTrack, timestamp: number, nowMs: number): number {
  const { timestampMs, isJump } = state.time.place(track, timestamp)
  const baseMs = nowMs - timestampMs
  state.baseMs = isJump || state.baseMs === null ? baseMs : Math.min(state.baseMs, baseMs)
  return timestampMs
}

function findCodecProblem(state: SessionMediaState, track: MediaTrack, { codec, kind }: MediaPayload): string | null {
  if (kind === 'extra') return null
  if (!ACCEPTED[track].has(codec)) return `${codec} is not supported: ${ADVICE[track]}`
  const before = state.headers.get(track)?.codec ?? codec
  return before === codec ? null : `the ${track} codec changed from ${before} to ${codec}: publish again`
}

/** Keeps a decoder's configuration. Returns false for one that is repeated, empty or absurd: it is left out. */
function takeHeader(state: SessionMediaState, track: MediaTrack, payload: MediaPayload, body: Buffer): boolean {
  if (body.length <= payload.data || body.length > MAX_HEADER_BYTES) return false
  if (state.headers.get(track)?.body.equals(body)) return false
  // A copy: the message's memory may be larger.
  state.headers.set(track, { codec: payload.codec, body: Buffer.from(body) })
  return true
}

function receiveData(state: SessionMediaState, values: readonly AmfValue[]): void {
  const [name, ...rest] = values[0] === '@setDataFrame' ? values.slice(1) : values
  const [metadata = null] = rest
  if (name !== 'onMetaData' || !(metadata instanceof Map)) return
  const body = encodeAmf0(name, metadata)
  if (body.length > MAX_HEADER_BYTES) return
  state.meter.setMetadata(metadata)
  state.replay.setMetadata(encodeFlvTag({ type: TAG_TYPE.script, timestampMs: 0, body }))
}
