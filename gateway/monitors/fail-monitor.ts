import type { OutboxEvent } from '../outbox/store/events.ts'
import type { WorkerLoss } from '../workers/worker-kind.ts'
import { endAssignment } from '../workers/store/assignments.ts'
import { endMonitor, findMonitor } from './store/monitors.ts'
import { publishEvents } from './publish-events.ts'
import type { Tx } from '../ports/database.ts'

/** Fails a monitor whose attempts are used up and publishes why, in the transaction that ends its assignment. */
export async function failLostMonitor(tx: Tx, id: string, loss: WorkerLoss): Promise<void> {
  const before = await findMonitor(tx, id)
  const reason = loss.observedState === 'missing' ? 'reconciliation_mismatch' : 'worker_lost'
  const monitor = await endMonitor(tx, id, { kind: 'worker_lost' }, reason)
  if (monitor === null) return
  const data = {
    reason,
    exit_code: loss.exitCode,
    termination_reason: loss.terminationReason,
    message: loss.message,
    pod_name: loss.workerName,
    reconciliation_action: 'ended_monitor',
    previous_status: before?.status ?? monitor.status,
    observed_state: loss.observedState,
  }
  await publishEvents(tx, monitor, [{ event_type: 'monitor.error', timestamp: new Date().toISOString(), data }])
}

/** Fails a monitor whose strict receiver is unreachable. No event is published: the receiver could not get it. */
export async function failUnreachableMonitor(tx: Tx, event: OutboxEvent): Promise<void> {
  if (event.policy !== 'strict') return
  await endAssignment(tx, event.subject)
  await endMonitor(tx, event.subject, { kind: 'webhook_failed' }, 'webhook_failed')
}
