import type { CallNumber } from '../../shared/contract/assignment.ts'
import type { Log } from '../../shared/log.ts'
import { createBell } from './bell.ts'
import type { CallResult } from './callback.ts'

/**
 * What a worker must tell, kept until the gateway has it. One report is on its way at a time and is sent again byte
 * for byte until it is answered; what is told meanwhile goes together into the next one. A report's snapshot is never
 * newer than its events, so that whoever resumes from an acknowledged one has missed none.
 */
export type ReportQueue<Snapshot, Event = never> = {
  /** `now`: at once; `soon`: at most a second after the last report; `later`: with the next one, or as a heartbeat. */
  tell(snapshot: Snapshot, urgency: Urgency, events?: readonly Event[]): void
  /** Resolves once all that was told is acknowledged, or nothing will be any more. */
  settled(): Promise<void>
  /** Nothing more will be told: `done` resolves once everything is acknowledged. */
  close(): void
  readonly done: Promise<QueueEnd>
}
export type Urgency = 'now' | 'soon' | 'later'

/** `closed`: all that was told has been acknowledged. `aborted`: the signal came first. */
export type QueueEnd = Exclude<CallResult, { readonly kind: 'accepted' }> | { readonly kind: 'closed' }

export type ReportQueueOptions<Snapshot, Event = never> = {
  readonly epoch: number
  /** The gateway is to hear from the worker at least this often. */
  readonly heartbeatIntervalMs: number
  /** What the worker knows at its start, for the first report. */
  readonly first: Snapshot
  readonly compose: (number: CallNumber, snapshot: Snapshot, events: readonly Event[]) => unknown
  readonly send: (body: string, signal: AbortSignal) => Promise<CallResult>
  readonly log: Log
  readonly signal: AbortSignal
}

const MAX_EVENTS_PER_REPORT = 50
const MAX_EVENTS_KEPT = 1000
const PROGRESS_INTERVAL_MS = 1000
/** A little sooner than asked for: a call is a heartbeat when it arrives. */
const HEARTBEAT_SHARE = 0.9

/** What one report will say. */
type Draft<Snapshot, Event> = {
  readonly snapshot: Snapshot
  readonly events: readonly Event[]
  readonly urgency: Urgency
}

/** Starts with a report of the first snapshot, and from then on reports what it is told, until closed or refused. */
export function createReportQueue<Snapshot, Event = never>(
  options: ReportQueueOptions<Snapshot, Event>,
): ReportQueue<Snapshot, Event> {
  const bell = createBell()
  let drafts: readonly Draft<Snapshot, Event>[] = []
  let latest = options.first
  let isSending = false
  let waiting: readonly (() => void)[] = []
  const closed = new AbortController()
  const done = sendAll()

  return {
    tell: (snapshot, urgency, events = []) => {
      latest = snapshot
      drafts = bounded(added(drafts, { snapshot, events, urgency }), options.log)
      bell.ring()
    },
    settled: async () => {
      if (drafts.length === 0 && !isSending) return
      await Promise.race([new Promise<void>((resolve) => (waiting = [...waiting, resolve])), done])
    },
    close: () => {
      closed.abort()
      bell.ring()
    },
    done,
  }

  async function sendAll(): Promise<QueueEnd> {
    let lastSentMs = -Infinity
    for (let seq = 1; ; seq++) {
      await untilDue(lastSentMs)
      const draft = drafts[0] ?? { snapshot: latest, events: [] }
      if (closed.signal.aborted && drafts.length === 0) return { kind: 'closed' }
      drafts = drafts.slice(1)
      const body = JSON.stringify(options.compose({ epoch: options.epoch, seq }, draft.snapshot, draft.events))
      lastSentMs = performance.now()
      isSending = true
      const result = await options.send(body, options.signal)
      isSending = false
      if (result.kind !== 'accepted') return result
      if (drafts.length === 0) release()
    }
  }

  function release(): void {
    const released = waiting
    waiting = []
    for (const resolve of released) resolve()
  }

  async function untilDue(lastSentMs: number): Promise<void> {
    while (!options.signal.aborted && !closed.signal.aborted) {
      const waitMs = lastSentMs + intervalMs(drafts, options.heartbeatIntervalMs) - performance.now()
      if (waitMs <= 0) return
      await bell.wait(waitMs, options.signal)
    }
  }
}

function intervalMs(drafts: readonly Draft<unknown, unknown>[], heartbeatIntervalMs: number): number {
  if (drafts.some((draft) => draft.urgency === 'now')) return 0
  return drafts.some((draft) => draft.urgency === 'soon') ? PROGRESS_INTERVAL_MS : heartbeatIntervalMs * HEARTBEAT_SHARE
}

/** Joins what is new to the last draft where that has room for its events. */
function added<S, E>(drafts: readonly Draft<S, E>[], draft: Draft<S, E>): readonly Draft<S, E>[] {
  const last = drafts.at(-1)
  if (last === undefined || last.events.length + draft.events.length > MAX_EVENTS_PER_REPORT) return [...drafts, draft]
  const events = [...last.events, ...draft.events]
  return [...drafts.slice(0, -1), { snapshot: draft.snapshot, events, urgency: moreUrgent(last, draft) }]
}

const BY_URGENCY: readonly Urgency[] = ['later', 'soon', 'now']

function moreUrgent(a: { readonly urgency: Urgency }, b: { readonly urgency: Urgency }): Urgency {
  return BY_URGENCY.indexOf(a.urgency) > BY_URGENCY.indexOf(b.urgency) ? a.urgency : b.urgency
}

/** A gateway that is away for days costs the oldest events, not the worker's memory. */
function bounded<S, E>(drafts: readonly Draft<S, E>[], log: Log): readonly Draft<S, E>[] {
  const kept = drafts.reduce((sum, draft) => sum + draft.events.length, 0)
  const oldest = drafts[0]
  if (kept <= MAX_EVENTS_KEPT || oldest === undefined) return drafts
  log.error('events dropped: the gateway has not been reached for too long', { dropped: oldest.events.length })
  return drafts.slice(1)
}
