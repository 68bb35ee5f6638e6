import { INITIAL_STATISTICS, UNKNOWN_HEALTH } from '../../shared/contract/monitors.ts'
import { newMonitorId } from './ids.ts'
import { formatTraceparent, type Trace } from '../../shared/trace.ts'
import { BrokenRule } from '../errors.ts'
import { answerOnce, type IdempotentCall, type StoredAnswer } from '../http/idempotency.ts'
import { insertAssignments } from '../workers/store/assignments.ts'
import { MONITOR_KIND } from './pod.ts'
import { presentCreated } from './present.ts'
import type { CreateMonitorBody } from './requests.ts'
import {
  findActiveMonitorOf,
  countActiveMonitors,
  insertMonitor,
  lockMonitorCreation,
  type NewMonitor,
} from './store/monitors.ts'
import type { Tx } from '../ports/database.ts'
import { MONITOR_ERRORS } from './errors.ts'
import type { MonitorsContext } from './context.ts'

/**
 * Creates a monitor. The monitor, its assignment and the answer to its Idempotency-Key are committed together; then its
 * worker is launched.
 * @throws BrokenRule DUPLICATE_MONITOR, MAX_MONITORS_EXCEEDED, IDEMPOTENCY_KEY_REUSED
 */
export async function createMonitor(
  context: MonitorsContext,
  body: CreateMonitorBody,
  call: IdempotentCall | null,
  trace: Trace,
): Promise<StoredAnswer> {
  const answer = await context.transact((tx) => answerOnce(tx, call, () => create(tx, context, body, trace)))
  context.wake()
  return answer
}

async function create(tx: Tx, context: MonitorsContext, body: CreateMonitorBody, trace: Trace): Promise<StoredAnswer> {
  await lockMonitorCreation(tx)
  const other = await findActiveMonitorOf(tx, body.stream_url.key)
  if (other !== null) throw duplicateOf(other)
  const { maxMonitors } = context.settings.monitors
  if ((await countActiveMonitors(tx)) >= maxMonitors) {
    throw new BrokenRule(
      MONITOR_ERRORS.MAX_MONITORS_EXCEEDED,
      `${maxMonitors} monitors are active, which is the limit (MAX_MONITORS)`,
    )
  }
  const row = toRow(body, context.settings.monitors.scheduleLeadTimeMs, Date.now())
  const monitor = await insertMonitor(tx, { ...row, traceparent: formatTraceparent(trace) })
  if (monitor === null) throw duplicateOf(await findActiveMonitorOf(tx, row.streamKey))
  if (monitor.status !== 'scheduled') await insertAssignments(tx, MONITOR_KIND, [monitor.id])
  return { status: 201, body: JSON.stringify(presentCreated(monitor)) }
}

function duplicateOf(monitorId: string | null): BrokenRule {
  const details = { monitor_id: monitorId }
  return new BrokenRule(MONITOR_ERRORS.DUPLICATE_MONITOR, 'this stream has an active monitor already', { details })
}

function toRow(body: CreateMonitorBody, leadTimeMs: number, nowMs: number): NewMonitor {
  const { scheduled_start_time: start, scheduled_end_time: end } = body.config
  const startAt = start === null ? null : new Date(Date.parse(start) - leadTimeMs)
  return {
    id: newMonitorId(),
    streamKey: body.stream_url.key,
    streamUrl: body.stream_url.url,
    callbackUrl: body.callback_url,
    status: startAt !== null && startAt.getTime() > nowMs ? 'scheduled' : 'initializing',
    health: UNKNOWN_HEALTH,
    statistics: INITIAL_STATISTICS,
    config: body.config,
    metadata: body.metadata,
    startAt,
    giveUpAt: end === null ? null : new Date(end),
  }
}
