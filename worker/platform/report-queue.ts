/**
 * The queue of a worker's reports to the gateway. One report is sent at a time, and is repeated byte for byte until it
 * is acknowledged; everything enqueued meanwhile is combined into the next report. A report's snapshot is never newer
 * than its events, so that a worker that resumes from an acknowledged snapshot has lost no event.
 */

import type { CallNumber } from '../../shared/contract/assignment.ts'
import type { Log } from '../../shared/log.ts'
import { createWakeSignal } from './wake-signal.ts'
import type { GatewayCallResult } from './callback.ts'

export type ReportQueue<Snapshot, Event = never> = {
  /** Enqueues the worker's current snapshot, and the events that led to it. */
  enqueue(snapshot: Snapshot, urgency: ReportUrgency, events?: readonly Event[]): void
  /** Resolves once everything enqueued is acknowledged, or the queue has ended. */
  waitUntilAcknowledged(): Promise<void>
  /** Accepts nothing more: `done` resolves once everything is acknowledged. */
  close(): void
  readonly done: Promise<ReportQueueOutcome>
}

/** When to send: `now`; `soon`: at most a second after the last report; `later`: with the next report or heartbeat. */
export type ReportUrgency = 'now' | 'soon' | 'later'

/** `closed`: every report was acknowledged. `aborted`: the signal aborted before. */
export type ReportQueueOutcome = Exclude<GatewayCallResult, { readonly kind: 'accepted' }> | { readonly kind: 'closed' }

export type ReportQueueOptions<Snapshot, Event = never> = {
  readonly epoch: number
  /** Longest time between two reports; a function is called before each wait. */
  readonly heartbeatIntervalMs: number | (() => number)
  /** The snapshot of the first report, at the worker's start. */
  readonly initialSnapshot: Snapshot
  /** Composes the body of a report. */
  readonly compose: (number: CallNumber, snapshot: Snapshot, events: readonly Event[]) => unknown
  readonly send: (body: string, signal: AbortSignal) => Promise<GatewayCallResult>
  /** Receives the body of the answer to each accepted report. */
  readonly onAccepted?: (answer: unknown) => void
  /** Most events that wait while the gateway is away; 1000 by default. Beyond that, the oldest ones are dropped. */
  readonly maxEvents?: number
  readonly log: Log
  readonly signal: AbortSignal
}

const MAX_EVENTS_PER_REPORT = 50
const MAX_EVENTS = 1000
const PROGRESS_INTERVAL_MS = 1000
/** Share of the heartbeat interval after which a report is sent: a heartbeat counts when it arrives. */
const HEARTBEAT_SHARE = 0.9

/** The content of a report that is not yet sent. */
type ReportDraft<Snapshot, Event> = {
  readonly snapshot: Snapshot
  readonly events: readonly Event[]
  readonly urgency: ReportUrgency
}

/** Creates a queue that sends the initial snapshot at once, and ends when it is closed, refused or aborted. */
export function createReportQueue<Snapshot, Event = never>(
  options: ReportQueueOptions<Snapshot, Event>,
): ReportQueue<Snapshot, Event> {
  const wakeSignal = createWakeSignal()
  let drafts: readonly ReportDraft<Snapshot, Event>[] = []
  let latest = options.initialSnapshot
  let isSending = false
  let waiting: readonly (() => void)[] = []
  const closed = new AbortController()
  const done = sendAll()

  return {
    enqueue: (snapshot, urgency, events = []) => {
      latest = snapshot
      drafts = dropOldest(appendDraft(drafts, { snapshot, events, urgency }), options)
      wakeSignal.wake()
    },
    waitUntilAcknowledged: async () => {
      if (drafts.length === 0 && !isSending) return
      await Promise.race([new Promise<void>((resolve) => (waiting = [...waiting, resolve])), done])
    },
    close: () => {
      closed.abort()
      wakeSignal.wake()
    },
    done,
  }

  async function sendAll(): Promise<ReportQueueOutcome> {
    let lastSentMs = -Infinity
    for (let seq = 1; ; seq++) {
      await waitUntilDue(lastSentMs)
      const draft = drafts[0] ?? { snapshot: latest, events: [] }
      if (closed.signal.aborted && drafts.length === 0) return { kind: 'closed' }
      drafts = drafts.slice(1)
      const body = JSON.stringify(options.compose({ epoch: options.epoch, seq }, draft.snapshot, draft.events))
      lastSentMs = performance.now()
      isSending = true
      const result = await options.send(body, options.signal)
      isSending = false
      if (result.kind !== 'accepted') return result
      options.onAccepted?.(result.body)
      if (drafts.length === 0) releaseWaiting()
    }
  }

  function releaseWaiting(): void {
    const released = waiting
    waiting = []
    for (const resolve of released) resolve()
  }

  async function waitUntilDue(lastSentMs: number): Promise<void> {
    while (!options.signal.aborted && !closed.signal.aborted) {
      const waitMs = lastSentMs + chooseIntervalMs(drafts, options.heartbeatIntervalMs) - performance.now()
      if (waitMs <= 0) return
      await wakeSignal.wait(waitMs, options.signal)
    }
  }
}

/** Returns the least time between the last report and the next one, in ms. */
function chooseIntervalMs(
  drafts: readonly ReportDraft<unknown, unknown>[],
  heartbeatIntervalMs: number | (() => number),
): number {
  if (drafts.some((draft) => draft.urgency === 'now')) return 0
  if (drafts.some((draft) => draft.urgency === 'soon')) return PROGRESS_INTERVAL_MS
  const intervalMs = typeof heartbeatIntervalMs === 'number' ? heartbeatIntervalMs : heartbeatIntervalMs()
  return intervalMs * HEARTBEAT_SHARE
}

/** Merges a draft into the last one, or appends it where the last one has no room for its events. */
function appendDraft<S, E>(
  drafts: readonly ReportDraft<S, E>[],
  draft: ReportDraft<S, E>,
): readonly ReportDraft<S, E>[] {
  const last = drafts.at(-1)
  if (last === undefined || last.events.length + draft.events.length > MAX_EVENTS_PER_REPORT) return [...drafts, draft]
  const events = [...last.events, ...draft.events]
  const urgency = chooseMoreUrgent(last.urgency, draft.urgency)
  return [...drafts.slice(0, -1), { snapshot: draft.snapshot, events, urgency }]
}

const BY_URGENCY: readonly ReportUrgency[] = ['later', 'soon', 'now']

function chooseMoreUrgent(a: ReportUrgency, b: ReportUrgency): ReportUrgency {
  return BY_URGENCY.indexOf(a) > BY_URGENCY.indexOf(b) ? a : b
}

type QueueLimit = Pick<ReportQueueOptions<unknown>, 'maxEvents' | 'log'>

/** Drops the oldest draft where too many events are kept: a long outage of the gateway must not exhaust the memory. */
function dropOldest<S, E>(
  drafts: readonly ReportDraft<S, E>[],
  { maxEvents = MAX_EVENTS, log }: QueueLimit,
): readonly ReportDraft<S, E>[] {
  const kept = drafts.reduce((sum, draft) => sum + draft.events.length, 0)
  const oldest = drafts[0]
  if (kept <= maxEvents || oldest === undefined) return drafts
  log.error('events dropped, gateway unreachable for too long', { dropped: oldest.events.length })
  return drafts.slice(1)
}
