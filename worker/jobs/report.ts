import type { CallNumber } from '../../shared/contract/assignment.ts'
import type { JobReport } from '../../shared/contract/jobs.ts'
import type { JobState } from './state.ts'

/** What the gateway is told of a task: all of it, each time; and how many tasks more its worker could take, as whom. */
export function jobReport(
  number: CallNumber,
  state: JobState,
  worker: { readonly room: number; readonly claimant: string },
): JobReport {
  const { etaSec, mediaInfo, hasStored, ...rest } = state
  return { ...number, ...rest, eta_sec: etaSec, media_info: mediaInfo, has_stored: hasStored, ...worker }
}
