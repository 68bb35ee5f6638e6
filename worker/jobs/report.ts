import type { CallNumber } from '../../shared/contract/assignment.ts'
import type { JobReport } from '../../shared/contract/jobs.ts'
import type { TaskSnapshot } from './state.ts'

/** Composes a report: the whole snapshot each time, how many more tasks the worker can run, and its claimant id. */
export function composeJobReport(
  number: CallNumber,
  snapshot: TaskSnapshot,
  worker: { readonly room: number; readonly claimant: string },
): JobReport {
  const { etaSec, mediaInfo, hasStored, ...rest } = snapshot
  return { ...number, ...rest, eta_sec: etaSec, media_info: mediaInfo, has_stored: hasStored, ...worker }
}
