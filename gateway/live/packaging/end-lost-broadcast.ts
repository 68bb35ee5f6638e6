import type { Tx } from '../../ports/database.ts'
import { describeLoss } from '../../workers/crash-reason.ts'
import type { WorkerLoss } from '../../workers/worker-kind.ts'
import { REASONS } from '../rules/reasons.ts'
import { endStreamRow } from '../store/streams.ts'
import { closeStream } from './close-stream.ts'
import { streamIdOf } from '../broadcast-worker.ts'

/** Ends a broadcast whose worker has failed too often, in the transaction that ends its assignment. */
export async function endLostBroadcast(tx: Tx, assignmentId: string, loss: WorkerLoss): Promise<void> {
  const reason = `${REASONS.not_encoded}: ${describeLoss(loss)}`
  const ended = await endStreamRow(tx, streamIdOf(assignmentId), reason)
  if (ended !== null) await closeStream(tx, ended)
}
