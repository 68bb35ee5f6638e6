import type { OutputPlan } from '../plan/output-plan.ts'
import { errorFinding, type Finding, warningFinding } from './findings.ts'
import { type SetListing, totalDurationSec } from './set-listing.ts'

/** Accepted difference between an output's duration and the planned one, in seconds. */
export const DURATION_TOLERANCE_SEC = 2

/** Checks the duration of a single file. */
export function checkDuration(durationSec: number | null, plan: OutputPlan, file: string): readonly Finding[] {
  if (durationSec === null) return [errorFinding('DURATION_TOO_SHORT', file, 'has no known duration')]
  const message = describeDuration(durationSec, plan)
  if (durationSec < plan.durationSec - DURATION_TOLERANCE_SEC)
    return [errorFinding('DURATION_TOO_SHORT', file, message)]
  if (durationSec > plan.durationSec + DURATION_TOLERANCE_SEC)
    return [warningFinding('DURATION_TOO_LONG', file, message)]
  return []
}

/** Checks the total duration of every segment list, and the duration that the entry itself declares. */
export function checkListedDurations(
  { entry, renditions, durationSec }: SetListing,
  plan: OutputPlan,
): readonly Finding[] {
  const declared = durationSec === null ? [] : [{ file: entry, subject: '', sec: durationSec }]
  const listed = renditions.map(({ file, index, segments }) => ({
    file,
    subject: `rendition ${index} `,
    sec: totalDurationSec(segments),
  }))
  return [...declared, ...listed]
    .filter(({ sec }) => Math.abs(sec - plan.durationSec) > DURATION_TOLERANCE_SEC)
    .map(({ file, subject, sec }) =>
      errorFinding('HLS_DURATION_MISMATCH', file, `${subject}${describeDuration(sec, plan)}`),
    )
}

function describeDuration(actualSec: number, plan: OutputPlan): string {
  return `is ${actualSec.toFixed(3)} s long, not ${plan.durationSec.toFixed(3)} s`
}
