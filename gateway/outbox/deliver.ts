import { parseTraceparent } from '../../shared/trace.ts'
import type { Context } from '../context.ts'
import { microBatch } from '../database/micro-batch.ts'
import { deliveryError, sendWebhook } from './channels/webhook.ts'
import { createLaneRecords, type LaneRecords } from './lane-records.ts'
import { afterFailure } from './retry-schedule.ts'
import {
  freeLanesOf,
  listLaneOwners,
  listPending,
  MAX_DELIVERED,
  nextDeliveryInMs,
  recordDelivered,
  recordFinalFailure,
  scheduleRetry,
  releaseLane,
  takeDueLanes,
  type DeliveredEvent,
  type FailedAttempt,
  type OutboxEvent,
} from './store/events.ts'
import type { Tx } from '../ports/database.ts'
import type { WebhookAnswer } from '../ports/webhook-sender.ts'
import { WEBHOOKS_FAILED, WEBHOOK_ATTEMPTS, WEBHOOK_ATTEMPT_DURATION, WEBHOOK_DELAY } from './metrics.ts'

/** Called in the transaction that records that an event has failed all its attempts. */
export type OnExhausted = (tx: Tx, event: OutboxEvent) => Promise<void>

export type Deliverer = {
  /** Frees the lanes of gateways that are known to be dead; to be called once, at start. */
  takeOver(): Promise<void>
  /** Starts the delivery of every due lane; returns in how many ms the next one is due (`null`: none waits). */
  deliverDue(): Promise<number | null>
  /** Resolves once the current attempts have ended; other events are left to the next gateway. */
  drain(): Promise<void>
}

/**
 * Creates the deliverer of one gateway. Lanes are delivered in parallel, each lane's events in order and one at a time. When
 * a gateway dies, others take its lanes after their lease and send what it has not recorded again, with the same ids and
 * bytes.
 */
export function createDeliverer(context: Context, onExhausted: OnExhausted): Deliverer {
  const { receiversAtATime } = context
  const owner = context.identity.id
  // Many lanes end an attempt at the same time: one statement records them.
  const noteDelivered = microBatch(MAX_DELIVERED, (events: readonly DeliveredEvent[]) =>
    recordDelivered(context.db, owner, events),
  )
  const deps: DeliveryDeps = { context, owner, onExhausted, noteDelivered, draining: new AbortController() }
  const lanes = new Map<string, Promise<void>>()

  function start(subject: string): void {
    const lane = deliverLane(deps, subject)
      .catch((error: unknown) =>
        context.log.error('delivery of a lane broke off', { ...context.idFields(subject), error }),
      )
      .finally(() => {
        lanes.delete(subject)
        context.wake()
      })
    lanes.set(subject, lane)
  }

  return {
    async takeOver() {
      const holders = await listLaneOwners(context.db)
      await freeLanesOf(
        context.db,
        holders.filter((holder) => !context.identity.mayStillRun(holder)),
      )
    },
    async deliverDue() {
      // Without a free slot there is nothing to take; a lane that ends wakes the next run.
      if (deps.draining.signal.aborted || lanes.size >= receiversAtATime) return null
      const request = { owner, busy: [...lanes.keys()], limit: receiversAtATime - lanes.size }
      for (const subject of await takeDueLanes(context.db, request)) start(subject)
      return nextDeliveryInMs(context.db)
    },
    async drain() {
      deps.draining.abort()
      await Promise.all(lanes.values())
    },
  }
}

type DeliveryDeps = {
  readonly context: Context
  readonly owner: string
  readonly onExhausted: OnExhausted
  /** Records a 2xx answer; returns false where the lane belongs to another gateway by now. */
  readonly noteDelivered: (event: DeliveredEvent) => Promise<boolean>
  readonly draining: AbortController
}

/** Sends the events of a lane until none waits or an attempt fails; then releases the lane. */
async function deliverLane(deps: DeliveryDeps, subject: string): Promise<void> {
  const { context, owner, draining } = deps
  const records = createLaneRecords(deps.noteDelivered)
  for (;;) {
    const events = await listPending(context.db, subject)
    if (events.length === 0 || draining.signal.aborted) return releaseLane(context.db, owner, subject)
    for (const event of events) {
      if (!(await records.waitForNext())) return
      const step = await deliverEvent(deps, event, records)
      if (step === 'lane_left') return
      if (draining.signal.aborted) break
    }
    if (!(await records.settle())) return
  }
}

type LaneStep = 'next' | 'lane_left'

/** Delivers one event. A failure while this gateway stops does not count: the stop may have caused it. */
async function deliverEvent(deps: DeliveryDeps, event: OutboxEvent, records: LaneRecords): Promise<LaneStep> {
  const { context } = deps
  const startedMs = performance.now()
  const answer = await attemptDelivery(context, event)
  const ms = performance.now() - startedMs
  const error = deliveryError(answer)
  // A failure is recorded, and the lane released, only once the events before it are recorded.
  const isOwn = error === null || (await records.settle())
  if (error !== null && deps.draining.signal.aborted) {
    await releaseLane(context.db, deps.owner, event.subject)
    return 'lane_left'
  }
  countAttempt(context, event, answer, ms)
  context.log.info(error === null ? 'webhook delivered' : 'webhook attempt failed', {
    ...fieldsOf(context, event),
    ms: Math.round(ms),
    ...(error === null ? {} : { error }),
  })
  if (!isOwn) return 'lane_left'
  if (error !== null) return recordFailedAttempt(deps, event, { error, retryAfter: retryAfterOf(answer) })
  records.add({ subject: event.subject, eventId: event.eventId })
  return 'next'
}

function attemptDelivery(context: Context, event: OutboxEvent): Promise<WebhookAnswer> {
  const { tracer } = context
  const attributes = { event_type: event.eventType, event_id: event.eventId, attempt: event.attempts + 1 }
  const parent = parseTraceparent(event.traceparent)
  return tracer.span({ name: 'webhook attempt', kind: 'client', parent, attributes }, async ({ trace, fail }) => {
    const answer = await sendWebhook(context, event, trace)
    const error = deliveryError(answer)
    if (error !== null) fail(error)
    return answer
  })
}

function countAttempt({ metrics }: Context, event: OutboxEvent, answer: WebhookAnswer, ms: number): void {
  const outcome = deliveryError(answer) === null ? 'delivered' : answer.kind === 'answered' ? 'refused' : 'unreachable'
  metrics.count(WEBHOOK_ATTEMPTS, { outcome })
  metrics.observe(WEBHOOK_ATTEMPT_DURATION, { outcome }, ms / 1000)
  if (outcome !== 'delivered' || event.redeliveries > 0) return
  const delaySec = Math.max(0, Date.now() - event.createdAt.getTime()) / 1000
  metrics.observe(WEBHOOK_DELAY, {}, delaySec)
}

function retryAfterOf(answer: WebhookAnswer): string | null {
  return answer.kind === 'answered' ? answer.retryAfter : null
}

function fieldsOf({ idFields }: Context, event: OutboxEvent): Record<string, unknown> {
  return {
    ...idFields(event.subject),
    event_id: event.eventId,
    event_type: event.eventType,
    attempt: event.attempts + 1,
  }
}

/** Records a final failure: the system's rows first, the lane last. Returns false, with no change, where the lane was lost. */
async function recordExhausted({ context, onExhausted }: DeliveryDeps, failed: FailedAttempt): Promise<boolean> {
  try {
    await context.transact(async (tx) => {
      if (failed.event.redeliveries === 0) await onExhausted(tx, failed.event)
      if (!(await recordFinalFailure(tx, failed))) throw new LaneLost()
    })
    return true
  } catch (error) {
    if (error instanceof LaneLost) return false
    throw error
  }
}

class LaneLost extends Error {}

type DeliveryFailure = { readonly error: string; readonly retryAfter: string | null }

async function recordFailedAttempt(
  deps: DeliveryDeps,
  event: OutboxEvent,
  failure: DeliveryFailure,
): Promise<LaneStep> {
  const { context, owner } = deps
  const failed = { owner, event, error: failure.error }
  const circumstances = { retryAfter: failure.retryAfter, nowMs: Date.now(), random: Math.random() }
  const next = afterFailure(event.policy, event.attempts + 1, circumstances)
  if (next.kind === 'retry') {
    await scheduleRetry(context.db, failed, next.inMs)
    return 'lane_left'
  }
  const held = await recordExhausted(deps, failed)
  if (held) context.metrics.count(WEBHOOKS_FAILED, { policy: event.policy })
  // `onExhausted` may have ended the record that a worker works for.
  context.wake('workers')
  context.log.warn('webhook failed for good', fieldsOf(context, event))
  return held ? 'next' : 'lane_left'
}
