import { probeMedia } from '../../media/ffprobe.ts'
import type { ProbedMedia } from '../../media/probed-media.ts'
import type { EncodePlan, PlannedInput } from '../plan/encode-plan.ts'
import { permanentFailure, type FailedOrAborted, type StepResult } from '../result.ts'
import { DURATION_TOLERANCE_SEC } from '../validate/durations.ts'

/** Codes of the failures that an encoder ends with where its input lacks data. */
const MISSING_DATA_CODES = ['INPUT_INVALID', 'ENCODE_FAILED']

/** Returns whether an encoder may have ended early because its input is truncated: `endSec` is where it ended. */
export function mayBeTruncated(encoded: StepResult, endSec: number, plan: EncodePlan): boolean {
  switch (encoded.kind) {
    case 'done':
      return endSec < plan.durationSec - DURATION_TOLERANCE_SEC
    case 'failed':
      return !encoded.failure.is_transient && MISSING_DATA_CODES.includes(encoded.failure.code)
    case 'aborted':
      return false
  }
}

/**
 * Reads every packet of an input, and returns a failure where the packets end before the duration in its header.
 * Returns `null` where the input is complete.
 */
export async function findTruncation(
  input: Pick<PlannedInput, 'path' | 'probe'>,
  {
    ffprobePath,
    ...options
  }: {
    readonly ffprobePath: string
    readonly ffmpegPath: string
    readonly timeoutMs: number
    readonly signal: AbortSignal
  },
): Promise<FailedOrAborted | null> {
  const measured = await probeMedia(ffprobePath, input.path, { ...options, trustsHeaders: false })
  if (measured.kind !== 'ok') return null
  const [declaredSec, actualSec] = [endSecOf(input.probe), endSecOf(measured.probe)]
  if (declaredSec - actualSec <= DURATION_TOLERANCE_SEC) return null
  const message = `its header declares ${declaredSec.toFixed(1)} s, but its data ends after ${actualSec.toFixed(1)} s`
  return permanentFailure('INPUT_INVALID', `the input is truncated: ${message}`)
}

/** Returns where the later of the video and audio tracks ends; other tracks of a file may be longer. */
function endSecOf({ video, audio, startSec }: ProbedMedia): number {
  return Math.max(
    ...[video, audio].map((track) => (track === null ? 0 : track.startSec + track.durationSec - startSec)),
  )
}
