import type { Tx } from '../context.ts'
import type { OutboxEvent } from '../outbox/store.ts'
import type { WorkerLoss } from '../workers/kind.ts'
import { endAssignment } from '../workers/store.ts'
import { endMonitor, findMonitor } from './store.ts'
import { tell } from './tell.ts'

/** Ends a monitor whose workers are used up, and tells its receiver why; in the transaction that gave them up. */
export async function failLostMonitor(tx: Tx, id: string, loss: WorkerLoss): Promise<void> {
  const before = await findMonitor(tx, id)
  const reason = loss.observedState === 'missing' ? 'reconciliation_mismatch' : 'worker_lost'
  const monitor = await endMonitor(tx, id, 'error', reason)
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
  await tell(tx, monitor, [{ event_type: 'monitor.error', timestamp: new Date().toISOString(), data }])
}

/** A strict receiver that cannot be reached ends its monitor. It is not told: there is nobody to tell. */
export async function failUnreachableMonitor(tx: Tx, event: OutboxEvent): Promise<void> {
  if (event.policy !== 'strict') return
  await endAssignment(tx, event.subject)
  await endMonitor(tx, event.subject, 'error', 'webhook_failed')
}
