import type { Clip } from '../../../shared/contract/jobs.ts'
import type { EndMismatch, ProbedMedia } from '../../media/probed-media.ts'
import type { InputProblem } from './output-plan.ts'

/** Returns what a user must know of an input that is encoded although its headers are wrong or its end is missing. */
export function findInputProblem(
  { endMismatch }: Pick<ProbedMedia, 'endMismatch'>,
  clip: Clip | null,
): InputProblem | null {
  if (endMismatch === null) return null
  const { kind, declaredSec, actualSec } = endMismatch
  if (clip !== null && clip.start_sec + clip.duration_sec <= Math.min(declaredSec, actualSec)) return null
  if (kind === 'header') {
    const message = `the input has a wrong duration: ${describeEndMismatch(endMismatch)}; the output has all of its data`
    return { code: 'INPUT_DURATION_WRONG', message }
  }
  const message = `the input is cut short: its data breaks off after ${actualSec.toFixed(1)} s; the output has what is there`
  return { code: 'INPUT_TRUNCATED', message }
}

/** Describes where the data of an input ends, and where its header says that it ends. */
export function describeEndMismatch({ declaredSec, actualSec }: EndMismatch): string {
  return `its header declares ${declaredSec.toFixed(1)} s, but its data ends after ${actualSec.toFixed(1)} s`
}
