import type { Clip } from '../../../shared/contract/jobs.ts'
import type { ProbedMedia } from '../../media/probed-media.ts'
import { describeEndMismatch } from '../plan/input-problem.ts'
import { permanentFailure, type FailedOrAborted } from '../result.ts'
import { DURATION_TOLERANCE_SEC } from '../validate/durations.ts'

/**
 * Returns a failure where data is missing in the input that its index lists, unless a clip lies within the data or only
 * the last two seconds are missing.
 */
export function findTruncation(
  { endMismatch }: Pick<ProbedMedia, 'endMismatch'>,
  clip: Clip | null,
): FailedOrAborted | null {
  if (endMismatch?.kind !== 'incomplete') return null
  const { declaredSec, actualSec } = endMismatch
  const isWithinData = clip !== null && clip.start_sec + clip.duration_sec <= actualSec
  if (isWithinData || declaredSec - actualSec <= DURATION_TOLERANCE_SEC) return null
  return permanentFailure('INPUT_INVALID', `the input is truncated: ${describeEndMismatch(endMismatch)}`)
}
