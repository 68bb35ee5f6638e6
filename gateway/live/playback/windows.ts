import type { DbOrTx } from '../../ports/database.ts'
import { isOnAir } from '../rules/broadcast-state.ts'
import { findStream, type Stream } from '../store/streams.ts'
import type { LiveContext } from '../context.ts'
import { findFirstShown, listRuns, listSegments, type EncoderRunRow, type SegmentRow } from '../store/segments.ts'
import { createWakeSignal } from '../../scheduler/wake-signal.ts'
import { topicOf } from '../topic.ts'
import type { PartCache } from './part-cache.ts'
import { openPartFeed, type PartFeed, type PartFeedMeans, type PartOrigin } from './part-feed.ts'
import { createPartMemory, type PartMemory } from './part-memory.ts'

/** What a gateway knows of a broadcast that is being played. */
export type PlayedStream = {
  readonly stream: Stream
  /** Those that its playlists show to viewers who watch it live, also after its end. */
  readonly segments: readonly SegmentRow[]
  /** All segments, once a recorded broadcast has ended; `null` before. */
  readonly recording: readonly SegmentRow[] | null
  readonly runs: readonly EncoderRunRow[]
  /** The parts that its live workers announce; `null`: it has none. */
  readonly feed: PartFeed | null
}

/** The broadcasts that are played through one gateway. */
export type PlayedStreams = {
  /** Returns whether a broadcast is played through this gateway: to read it costs little. */
  isPlayed(streamId: string): boolean
  /** Returns a broadcast as of now, at most `MAX_AGE_MS` old; `null` where there is none. */
  read(streamId: string): Promise<PlayedStream | null>
  /** Resolves when a broadcast may have changed, and at the latest after `POLL_MS`. */
  waitForChange(streamId: string, signal: AbortSignal): Promise<void>
}

/** Oldest state that is answered with, in ms: other gateways receive reports too. */
const MAX_AGE_MS = 1000
/** Interval of looking at the rows while a reload waits, in ms. */
const POLL_MS = 200
/** A broadcast that nothing plays is forgotten after this time, in ms. */
const IDLE_MS = 30_000
/** Ids of no broadcast that are remembered for `MAX_AGE_MS`: players go on to read one that was deleted. */
const MAX_UNKNOWN = 1000

type Entry = {
  known: PlayedStream | null
  readAtMs: number
  usedAtMs: number
  isDirty: boolean
  pending: Promise<PlayedStream | null> | null
  readonly memory: PartMemory
  readonly unsubscribe: () => void
}

/** Creates the memory of one gateway for the broadcasts that it plays. Rows are read once for all viewers. */
export function createPlayedStreams(context: LiveContext, cache: PartCache): PlayedStreams {
  const entries = new Map<string, Entry>()
  const unknown = new Set<string>()
  let sweptAtMs = 0

  function entryOf(streamId: string): Entry {
    const known = entries.get(streamId)
    if (known !== undefined) return known
    const unsubscribe = context.notifier.subscribe(topicOf(streamId), () => (entry.isDirty = true))
    const memory = createPartMemory(cache, streamId)
    const entry: Entry = { known: null, readAtMs: 0, usedAtMs: 0, isDirty: true, pending: null, memory, unsubscribe }
    entries.set(streamId, entry)
    return entry
  }

  function forget(streamId: string, entry: Entry): void {
    entry.unsubscribe()
    entry.known?.feed?.close()
    entries.delete(streamId)
  }

  function forgetIdle(nowMs: number): void {
    if (nowMs - sweptAtMs < MAX_AGE_MS) return
    sweptAtMs = nowMs
    unknown.clear()
    for (const [streamId, entry] of entries) {
      if (entry.pending === null && nowMs - entry.usedAtMs >= IDLE_MS) forget(streamId, entry)
    }
  }

  async function refresh(streamId: string, entry: Entry): Promise<PlayedStream | null> {
    entry.isDirty = false
    const startedMs = Date.now()
    const rows = await readRows(context.db, streamId, entry.known)
    const means = { context, cache, memory: entry.memory }
    if (rows === null) {
      forget(streamId, entry)
      if (unknown.size < MAX_UNKNOWN) unknown.add(streamId)
      return null
    }
    entry.known = { ...rows, feed: chooseFeed(means, rows.stream, entry.known?.feed ?? null) }
    entry.readAtMs = startedMs
    return entry.known
  }

  return {
    isPlayed: (streamId) => entries.has(streamId),
    async read(streamId) {
      const nowMs = Date.now()
      forgetIdle(nowMs)
      if (unknown.has(streamId)) return null
      const entry = entryOf(streamId)
      entry.usedAtMs = nowMs
      if (!entry.isDirty && nowMs - entry.readAtMs < MAX_AGE_MS) return entry.known
      entry.pending ??= refresh(streamId, entry).finally(() => (entry.pending = null))
      return entry.pending
    },
    waitForChange: (streamId, signal) => waitForChange(context, entries.get(streamId), { streamId, signal }),
  }
}

/** Waits until a broadcast may have changed: it is notified, it has a new part, or `POLL_MS` have passed. */
async function waitForChange(
  { notifier }: LiveContext,
  entry: Entry | undefined,
  { streamId, signal }: { readonly streamId: string; readonly signal: AbortSignal },
): Promise<void> {
  if (signal.aborted) return
  const { wake, createSleeper } = createWakeSignal()
  const sleep = createSleeper()
  let isNotified = false
  const notify = () => {
    isNotified = true
    wake()
  }
  const unsubscribe = [notifier.subscribe(topicOf(streamId), notify), entry?.known?.feed?.subscribe(notify)]
  signal.addEventListener('abort', notify, { once: true })
  try {
    await sleep(POLL_MS)
    if (!isNotified && entry !== undefined) entry.isDirty = true
  } finally {
    signal.removeEventListener('abort', notify)
    for (const stop of unsubscribe) stop?.()
  }
}

type PlayedRows = Omit<PlayedStream, 'feed'>

/** Returns the rows of a broadcast; those that are known are not read again. */
async function readRows(db: DbOrTx, streamId: string, known: PlayedRows | null): Promise<PlayedRows | null> {
  const found = await findStream(db, streamId)
  if (found === null || found.stream.discardedAt !== null) return null
  const { stream } = found
  if (known === null) return { stream, ...(await readSegments(db, stream, null)), runs: await listRuns(db, streamId) }
  // A recording whose file could not be made has segments that are missing.
  const isChangedRecording = stream.state === 'ended' && stream.updatedAt.getTime() !== known.stream.updatedAt.getTime()
  if (isChangedRecording) return readRows(db, streamId, null)
  const hasNewSegments = stream.nextSeq !== known.stream.nextSeq || stream.state !== known.stream.state
  const { segments, recording } = hasNewSegments ? await readSegments(db, stream, known) : known
  const last = segments.at(-1)
  const isKnownRun = last === undefined || known.runs.some(({ epoch, run }) => epoch === last.epoch && run === last.run)
  return { stream, segments, recording, runs: isKnownRun ? known.runs : await listRuns(db, streamId) }
}

type PlayedSegments = Pick<PlayedRows, 'segments' | 'recording'>

/**
 * Returns the segments of the window, and those of the recording at the end. The window does not grow then: the media sequence
 * number of a playlist must not decrease (RFC 8216 §6.2.2).
 */
async function readSegments(db: DbOrTx, stream: Stream, known: PlayedSegments | null): Promise<PlayedSegments> {
  const { streamId, state, isRecorded } = stream
  const from = await findFirstShown(db, stream)
  const before = known?.recording ?? known?.segments ?? []
  if (state !== 'ended' || !isRecorded) return { segments: await readFrom(db, streamId, from, before), recording: null }
  const recording = await readFrom(db, streamId, 0, before)
  return { segments: recording.filter(({ seq }) => seq >= from), recording }
}

/** Returns the segments from a sequence number on: those of `known` that belong to them, and newer ones. */
async function readFrom(
  db: DbOrTx,
  streamId: string,
  from: number,
  known: readonly SegmentRow[],
): Promise<readonly SegmentRow[]> {
  const kept = known.filter(({ seq }) => seq >= from)
  const last = kept.at(-1)
  // A gap before the kept ones means that there are earlier ones, as at the end.
  if (last === undefined || kept[0]?.seq !== from) return listSegments(db, streamId, from)
  return [...kept, ...(await listSegments(db, streamId, last.seq + 1))]
}

/** Returns the feed of a broadcast's live worker: the open one, or a new one where the worker is another. */
function chooseFeed(means: PartFeedMeans, stream: Stream, open: PartFeed | null): PartFeed | null {
  const origin = means.context.keepsConnections ? partOriginOf(stream) : null
  if (open !== null && open.isOpen() && isSameOrigin(open.origin, origin)) return open
  open?.close()
  return origin === null ? null : openPartFeed(means, origin)
}

/** Returns where the parts of a broadcast are; `null` where it has none. */
function partOriginOf({ streamId, latency, state, partsUrl, partsEpoch }: Stream): PartOrigin | null {
  if (latency !== 'low' || !isOnAir(state) || partsUrl === null || partsEpoch === null) return null
  return { streamId, epoch: partsEpoch, url: partsUrl }
}

function isSameOrigin(a: PartOrigin, b: PartOrigin | null): boolean {
  return a.url === b?.url && a.epoch === b.epoch
}
