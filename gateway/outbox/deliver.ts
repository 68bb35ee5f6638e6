import { idField } from '../../shared/log.ts'
import { webhookHeaders } from '../../shared/signing.ts'
import { readTraceparent, writeTraceparent, type Trace } from '../../shared/trace.ts'
import type { Context, Tx, WebhookAnswer } from '../context.ts'
import { afterFailure } from './schedule.ts'
import {
  freeLanesOf,
  laneHolders,
  nextDueInMs,
  noteFailure,
  noteRetry,
  prepareDelivery,
  releaseLane,
  takeDueLanes,
  type DeliveryStore,
  type FailedAttempt,
  type OutboxEvent,
} from './store.ts'

/** What a receiver has for one attempt, in ms. */
const ATTEMPT_TIMEOUT_MS = 10_000

/** Told, in the transaction that marks it, that an event has failed all its attempts. */
export type OnExhausted = (tx: Tx, event: OutboxEvent) => Promise<void>

export type Deliverer = {
  /** Frees what gateways left that are known to be gone; called once, at start. */
  takeOver(): Promise<void>
  /** Starts on every lane that is due, and returns in how many ms the next one will be (`null`: none waits). */
  round(): Promise<number | null>
  /** Resolves once the attempts at hand are over; the lanes' other events are left to the next round. */
  drain(): Promise<void>
}

/**
 * Delivers webhooks: the lanes side by side, each lane's events in order and one at a time. A gateway that dies leaves
 * a lane to others when its lease runs out, and the event at hand is sent again, with the same id and bytes.
 */
export function createDeliverer(context: Context, onExhausted: OnExhausted): Deliverer {
  const { receiversAtATime } = context
  const owner = context.identity.id
  const store = prepareDelivery(context.db, owner)
  const deps: Deps = { context, owner, onExhausted, store, draining: new AbortController() }
  const lanes = new Map<string, Promise<void>>()

  function start(subject: string): void {
    const lane = deliverLane(deps, subject)
      .catch((error: unknown) => context.log.error('delivery of a lane broke off', { ...idField(subject), error }))
      .finally(() => {
        lanes.delete(subject)
        context.wake()
      })
    lanes.set(subject, lane)
  }

  return {
    async takeOver() {
      const holders = await laneHolders(context.db)
      await freeLanesOf(
        context.db,
        holders.filter((holder) => !context.identity.mayStillRun(holder)),
      )
    },
    async round() {
      // Without a free place there is nothing to take; a lane that is done wakes the next round.
      if (deps.draining.signal.aborted || lanes.size >= receiversAtATime) return null
      const request = { owner, busy: [...lanes.keys()], limit: receiversAtATime - lanes.size }
      for (const subject of await takeDueLanes(context.db, request)) start(subject)
      return nextDueInMs(context.db)
    },
    async drain() {
      deps.draining.abort()
      await Promise.all(lanes.values())
    },
  }
}

type Deps = {
  readonly context: Context
  readonly owner: string
  readonly onExhausted: OnExhausted
  readonly store: DeliveryStore
  readonly draining: AbortController
}

/** Sends what waits in a lane until nothing does, or an attempt fails; then lets go of it. */
async function deliverLane(deps: Deps, subject: string): Promise<void> {
  const { context, owner, store, draining } = deps
  for (;;) {
    const events = await store.pending.execute({ subject })
    if (events.length === 0 || draining.signal.aborted) return releaseLane(context.db, owner, subject)
    for (const event of events) {
      const step = await deliverEvent(deps, event)
      if (step === 'lane_left') return
      if (draining.signal.aborted) break
    }
  }
}

type LaneStep = 'next' | 'lane_left'

/** An attempt that fails while this gateway stops may have been cut off by that: it does not count. */
async function deliverEvent(deps: Deps, event: OutboxEvent): Promise<LaneStep> {
  const { context, store } = deps
  const startedMs = performance.now()
  const answer = await attempt(context, event)
  const ms = performance.now() - startedMs
  const error = errorOf(answer)
  if (error !== null && deps.draining.signal.aborted) {
    await releaseLane(context.db, deps.owner, event.subject)
    return 'lane_left'
  }
  countAttempt(context, event, answer, ms)
  context.log.info(error === null ? 'webhook delivered' : 'webhook attempt failed', {
    ...fieldsOf(event),
    ms: Math.round(ms),
    ...(error === null ? {} : { error }),
  })
  if (error !== null) return noteUndelivered(deps, event, { error, retryAfter: retryAfterOf(answer) })
  const noted = await store.delivered.execute({ subject: event.subject, eventId: event.eventId })
  return noted.length === 0 ? 'lane_left' : 'next'
}

function attempt(context: Context, event: OutboxEvent): Promise<WebhookAnswer> {
  const { tracer } = context
  const attributes = { event_type: event.eventType, event_id: event.eventId, attempt: event.attempts + 1 }
  const parent = readTraceparent(event.traceparent)
  return tracer.span({ name: 'webhook attempt', kind: 'client', parent, attributes }, async ({ trace, fail }) => {
    const answer = await send(context, event, trace)
    const error = errorOf(answer)
    if (error !== null) fail(error)
    return answer
  })
}

function send(context: Context, { url, eventId, body }: OutboxEvent, trace: Trace): Promise<WebhookAnswer> {
  const signed = webhookHeaders(context.settings.keys.WEBHOOK_SIGNING_KEY, eventId, body, Date.now())
  const headers = { ...signed, traceparent: writeTraceparent(trace) }
  return context.sendWebhook({ url, headers, body, timeoutMs: ATTEMPT_TIMEOUT_MS })
}

function countAttempt({ metrics }: Context, event: OutboxEvent, answer: WebhookAnswer, ms: number): void {
  const outcome = errorOf(answer) === null ? 'delivered' : answer.kind === 'answered' ? 'refused' : 'unreachable'
  metrics.count('tallylight_webhook_attempts_total', { outcome })
  metrics.observe('tallylight_webhook_attempt_duration_seconds', { outcome }, ms / 1000)
  if (outcome !== 'delivered' || event.redeliveries > 0) return
  const delaySec = Math.max(0, Date.now() - event.createdAt.getTime()) / 1000
  metrics.observe('tallylight_webhook_delay_seconds', {}, delaySec)
}

function errorOf(answer: WebhookAnswer): string | null {
  if (answer.kind === 'failed') return answer.error
  return answer.status >= 200 && answer.status < 300 ? null : `the receiver answered ${answer.status}`
}

function retryAfterOf(answer: WebhookAnswer): string | null {
  return answer.kind === 'answered' ? answer.retryAfter : null
}

function fieldsOf(event: OutboxEvent): Record<string, unknown> {
  return {
    ...idField(event.subject),
    event_id: event.eventId,
    event_type: event.eventType,
    attempt: event.attempts + 1,
  }
}

/** The subject's own rows first, the lane last. False, and nothing changed, where the lane is another's by now. */
async function noteExhausted({ context, onExhausted }: Deps, failed: FailedAttempt): Promise<boolean> {
  try {
    await context.transact(async (tx) => {
      if (failed.event.redeliveries === 0) await onExhausted(tx, failed.event)
      if (!(await noteFailure(tx, failed))) throw new LaneLost()
    })
    return true
  } catch (error) {
    if (error instanceof LaneLost) return false
    throw error
  }
}

class LaneLost extends Error {}

type Failure = { readonly error: string; readonly retryAfter: string | null }

async function noteUndelivered(deps: Deps, event: OutboxEvent, failure: Failure): Promise<LaneStep> {
  const { context, owner } = deps
  const failed = { owner, event, error: failure.error }
  const circumstances = { retryAfter: failure.retryAfter, nowMs: Date.now(), random: Math.random() }
  const next = afterFailure(event.policy, event.attempts + 1, circumstances)
  if (next.kind === 'retry') {
    await noteRetry(context.db, failed, next.inMs)
    return 'lane_left'
  }
  const held = await noteExhausted(deps, failed)
  if (held) context.metrics.count('tallylight_webhooks_failed_total', { policy: event.policy })
  // Whoever was told may have ended what a worker runs for.
  context.wake('workers')
  context.log.warn('webhook failed for good', fieldsOf(event))
  return held ? 'next' : 'lane_left'
}
