import type { Tx } from '../../ports/database.ts'
import { describeLoss } from '../../workers/crash-reason.ts'
import type { WorkerLoss } from '../../workers/worker-kind.ts'
import { REASONS } from '../rules/reasons.ts'
import { updateArchiveRow } from '../store/archives.ts'
import { archiveIdOf } from '../archive-worker.ts'

/** Fails a recording whose workers have failed too often, in the transaction that ends its assignment. */
export async function failLostArchive(tx: Tx, assignmentId: string, loss: WorkerLoss): Promise<void> {
  const error = `${REASONS.no_file}: ${describeLoss(loss)}`
  await updateArchiveRow(tx, archiveIdOf(assignmentId), { status: 'failed', error })
}
