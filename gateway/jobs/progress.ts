import type { JobOrder, JobReport } from '../../shared/contract/jobs.ts'
import type { PieceProgress } from './tasks/store.ts'

/** How much of a split job is behind it, in percent, once it is split, and once its pieces are encoded. */
const SPLIT_AT = 10
const PIECES_AT = 85
/** Only what is stored is whole. */
const MOST = 99.9

/** The progress of a job, 0–99.9, as a report of one of its tasks tells it; `pieces`: all of them, where it is of one. */
export function jobProgress(
  task: JobOrder['task'],
  { state, progress, plan }: Pick<JobReport, 'state' | 'progress' | 'plan'>,
  pieces: Pick<PieceProgress, 'progress'> | null,
): number {
  if (task === 'encode' && state === 'done' && plan !== null) return SPLIT_AT
  if (pieces !== null) return SPLIT_AT + (pieces.progress / 100) * (PIECES_AT - SPLIT_AT)
  if (task === 'join') return Math.min(MOST, PIECES_AT + (progress / 100) * (100 - PIECES_AT))
  return Math.min(MOST, progress)
}
