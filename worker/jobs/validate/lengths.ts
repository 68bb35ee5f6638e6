import type { OutputPlan } from '../output-plan.ts'
import { doubt, fault, type Finding } from './findings.ts'
import { type Listings, totalSec } from './track.ts'

/** By so much an output may differ from what was planned. */
export const ALLOWED_SEC = 2

/** The one file is as long as planned. */
export function checkDuration(durationSec: number | null, plan: OutputPlan, file: string): readonly Finding[] {
  if (durationSec === null) return [fault('DURATION_TOO_SHORT', file, 'does not say how long it is')]
  const message = difference('it', durationSec, plan)
  if (durationSec < plan.durationSec - ALLOWED_SEC) return [fault('DURATION_TOO_SHORT', file, message)]
  return durationSec > plan.durationSec + ALLOWED_SEC ? [doubt('DURATION_TOO_LONG', file, message)] : []
}

/** Every list of segments, and the manifest where it says so itself, is as long as planned. */
export function checkListedDurations({ entry, listings, durationSec }: Listings, plan: OutputPlan): readonly Finding[] {
  const whole = durationSec === null ? [] : [{ file: entry, what: 'it', sec: durationSec }]
  const parts = listings.map(({ file, index, segments }) => ({
    file,
    what: `all of rendition ${index}`,
    sec: totalSec(segments),
  }))
  return [...whole, ...parts]
    .filter(({ sec }) => Math.abs(sec - plan.durationSec) > ALLOWED_SEC)
    .map(({ file, what, sec }) => fault('HLS_DURATION_MISMATCH', file, difference(what, sec, plan)))
}

function difference(what: string, isSec: number, plan: OutputPlan): string {
  return `${what} is ${isSec.toFixed(3)} s long, not ${plan.durationSec.toFixed(3)} s`
}
