import type { DbOrTx } from '../../ports/database.ts'
import { isOnAir } from '../rules/broadcast-state.ts'
import { windowSecOf } from '../rules/window.ts'
import { findStream, type Stream } from '../store/streams.ts'
import type { LiveContext } from '../context.ts'
import { findWindowStart, listRuns, listSegments, type EncoderRunRow, type SegmentRow } from '../store/segments.ts'
import { createWakeSignal } from '../../scheduler/wake-signal.ts'
import { topicOf } from '../topic.ts'
import type { PartCache } from './part-cache.ts'
import { openPartFeed, type PartFeed, type PartFeedMeans, type PartOrigin } from './part-feed.ts'
import { createPartMemory, type PartMemory } from './part-memory.ts'

/** What a gateway knows of a broadcast that is being played. */
export type PlayedStream = {
  readonly stream: Stream
  readonly segments: readonly SegmentRow[]
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
  if (known === null) return { stream, segments: await readWindow(db, stream, []), runs: await listRuns(db, streamId) }
  // A recording whose file could not be made has segments that are missing.
  const isChangedRecording = stream.state === 'ended' && stream.updatedAt.getTime() !== known.stream.updatedAt.getTime()
  if (isChangedRecording) return readRows(db, streamId, null)
  const hasNewSegments = stream.nextSeq !== known.stream.nextSeq || stream.state !== known.stream.state
  const segments = hasNewSegments ? await readWindow(db, stream, known.segments) : known.segments
  const last = segments.at(-1)
  const isKnownRun = last === undefined || known.runs.some(({ epoch, run }) => epoch === last.epoch && run === last.run)
  return { stream, segments, runs: isKnownRun ? known.runs : await listRuns(db, streamId) }
}

/** Returns the segments of a playlist: those of `known` that still belong to it, and newer ones. */
async function readWindow(db: DbOrTx, stream: Stream, known: readonly SegmentRow[]): Promise<readonly SegmentRow[]> {
  const { streamId } = stream
  const from = await windowStartOf(db, stream)
  const kept = known.filter(({ seq }) => seq >= from)
  const last = kept.at(-1)
  // A gap before the kept ones means that the window has grown, as it does at the end.
  if (last === undefined || kept[0]?.seq !== from) return listSegments(db, streamId, from)
  return [...kept, ...(await listSegments(db, streamId, last.seq + 1))]
}

/** Returns the sequence number that a playlist begins with: the whole recording at the end, a window before. */
async function windowStartOf(db: DbOrTx, { streamId, state, isRecorded, dvrSec }: Stream): Promise<number> {
  if (state === 'ended' && isRecorded) return 0
  return findWindowStart(db, streamId, windowSecOf({ dvrSec }))
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
