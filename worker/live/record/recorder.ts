/**
 * The way of segments to the store. Segments are stored a few at a time and are announced in order. While the store
 * fails, they wait in bounded memory; where that is full, the oldest one is dropped, and announced as missing.
 */

import { ENCODING_PROBLEMS } from '../../../shared/contract/live-problems.ts'
import type { Log } from '../../../shared/log.ts'
import { computeBackoffMs } from '../../platform/backoff.ts'
import type { Clock } from '../../platform/clock.ts'
import { isDiskFull } from '../../platform/disk-full.ts'
import { sleep } from '../../platform/wake-signal.ts'
import type { RecordedSegment, RunInits } from './recorded-segment.ts'
import { createSegmentLine, type LineEntry } from './segment-line.ts'
import { type SegmentStore, storeInits, storeSegment } from './store-segment.ts'

export type Recorder = {
  add(segment: RecordedSegment): void
  /**
   * Stores the initialization segments of a run before its first segment is complete, and repeats that until it succeeds.
   * Resolves with false where the signal aborts before.
   */
  prepareRun(run: RunInits): Promise<boolean>
  /** Calls `then` once everything added so far is stored or dropped. */
  after(then: () => void): void
  /** Resolves once everything added so far is stored or dropped, or the signal has aborted. */
  waitUntilIdle(): Promise<void>
  /** Returns why segments are not stored, or were dropped lately; `null`: nothing is wrong. */
  problem(): string | null
  /** Returns how many segments are not stored yet. */
  waiting(): number
}

export type RecorderOptions = SegmentStore & {
  /** Receives each segment in order, once it is stored or was dropped. */
  readonly onSettled: (segment: RecordedSegment, isStored: boolean) => void
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
  /** Most bytes that wait; 256 MiB by default. */
  readonly maxBytes?: number
}

const MAX_BYTES = 256 * 1024 * 1024
/** Segments that are stored at the same time. */
const MAX_CONCURRENT = 3
const BACKOFF = { firstMs: 500, maxMs: 5000 }
/** How long dropped segments are mentioned after the last one. */
const DROPPED_NOTE_MS = 60_000
const MAX_PROBLEM_CHARS = 300

/** Creates a recorder. */
export function createRecorder(options: RecorderOptions): Recorder {
  const { clock, log, signal, maxBytes = MAX_BYTES } = options
  const line = createSegmentLine()
  const ensureInits = createInitStore(options)
  let failure: string | null = null
  let dropped = { count: 0, atMs: -Infinity }

  function addEntry(segment: RecordedSegment | null, onDone: LineEntry['onDone']): void {
    line.add(segment, onDone)
    for (const { row } of line.shrink(maxBytes)) {
      dropped = { count: dropped.count + 1, atMs: clock.nowMs() }
      log.error('segment dropped, store failing for too long', { n: row.n })
    }
    proceed()
  }

  function proceed(): void {
    for (const entry of line.proceed(MAX_CONCURRENT)) void store(entry)
  }

  /** Stores a segment, and repeats that until it succeeds, or the segment is dropped. */
  async function store(entry: LineEntry): Promise<void> {
    const { segment } = entry
    if (segment === null) return
    entry.state = 'storing'
    for (let failures = 1; isStoring(entry) && !signal.aborted; failures++) {
      try {
        await ensureInits(segment.run)
        await storeSegment(segment, options, signal)
        failure = null
        if (isStoring(entry)) entry.state = 'done'
      } catch (error) {
        if (failure === null && !signal.aborted) log.warn('segment not stored, retrying', { n: segment.row.n, error })
        failure = describeFailure(error)
        await sleep(computeBackoffMs(failures, BACKOFF), signal)
      }
    }
    proceed()
  }

  return {
    prepareRun: (run) => repeatUntilStored(() => ensureInits(run), options),
    add: (segment) => addEntry(segment, (isStored) => options.onSettled(segment, isStored)),
    after: (then) => addEntry(null, then),
    waiting: line.waiting,
    waitUntilIdle: () =>
      new Promise<void>((resolve) => {
        if (signal.aborted) resolve()
        signal.addEventListener('abort', () => resolve(), { once: true })
        addEntry(null, () => resolve())
      }),
    problem: () => describeProblem(failure, clock.nowMs() - dropped.atMs < DROPPED_NOTE_MS ? dropped.count : 0),
  }
}

/** Returns a function that stores the initialization segments of a run once. A failure is repeated with the next call. */
function createInitStore(options: RecorderOptions): (run: RunInits) => Promise<void> {
  const stored = new Map<number, Promise<void>>()
  return (run) => {
    const number = run.run.run
    const storing = stored.get(number) ?? storeInits(run, options, options.signal)
    stored.set(number, storing)
    storing.catch(() => stored.delete(number))
    return storing
  }
}

/** Repeats a storing until it succeeds; returns false where the signal aborts before. */
async function repeatUntilStored(storeOnce: () => Promise<void>, { log, signal }: RecorderOptions): Promise<boolean> {
  for (let failures = 1; !signal.aborted; failures++) {
    try {
      await storeOnce()
      return true
    } catch (error) {
      log.debug('initialization segments not stored, retrying', { error })
      await sleep(computeBackoffMs(failures, BACKOFF), signal)
    }
  }
  return false
}

/** Describes why a segment was not stored, with the code of a full disk. */
function describeFailure(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return isDiskFull(error) ? `no space is left (ENOSPC): ${message}` : message
}

function describeProblem(failure: string | null, dropped: number): string | null {
  const notes = [
    ...(failure === null ? [] : [`${ENCODING_PROBLEMS.not_stored}: ${failure}`]),
    ...(dropped === 0 ? [] : [`${dropped} segments are missing because the store failed`]),
  ]
  return notes.length === 0 ? null : notes.join('; ').slice(0, MAX_PROBLEM_CHARS)
}

/** Returns whether an entry is still wanted. A function, because the state changes while its segment is stored. */
function isStoring({ state }: LineEntry): boolean {
  return state === 'storing'
}
