import { probe } from '../platform/ffprobe.ts'
import type { Probe } from '../platform/probed-media.ts'
import type { EncodeResult } from './encode/run-encoder.ts'
import type { EncodePlan } from './encode-plan.ts'
import { fault, type Unfinished } from './failure.ts'
import { ALLOWED_SEC } from './validate/lengths.ts'

type Source = { readonly path: string; readonly probe: Probe; readonly plan: EncodePlan }

type Options = { readonly ffprobePath: string; readonly timeoutMs: number; readonly signal: AbortSignal }

/** What an encoder may fail with that was given too little, or nothing. */
const WITHOUT_INPUT = ['INPUT_INVALID', 'ENCODE_FAILED']

/**
 * Whether an output may have come out too short: by where the encoder ended, or because it found nothing to decode.
 */
export function isDoubtful(encoded: EncodeResult, endSec: number, plan: EncodePlan): boolean {
  switch (encoded.kind) {
    case 'done':
      return endSec < plan.durationSec - ALLOWED_SEC
    case 'failed':
      return !encoded.failure.is_transient && WITHOUT_INPUT.includes(encoded.failure.code)
    case 'aborted':
      return false
  }
}

/**
 * Looks at every packet of a source of which too little came, and says so where they end before its header says: it is
 * to blame then, and not what was made of it. `null`: it is whole.
 */
export async function findCut(source: Source, { ffprobePath, ...options }: Options): Promise<Unfinished | null> {
  const measured = await probe(ffprobePath, source.path, { ...options, trustsHeaders: false })
  if (measured.kind !== 'ok') return null
  const [saidSec, isSec] = [endOf(source.probe), endOf(measured.probe)]
  if (saidSec - isSec <= ALLOWED_SEC) return null
  const says = `it says that it lasts ${saidSec.toFixed(1)} s, and ends after ${isSec.toFixed(1)} s`
  return fault('INPUT_INVALID', `the input is cut short: ${says}`)
}

/** Of picture and sound: other tracks of a file may well be longer. */
function endOf({ video, audio, startSec }: Probe): number {
  return Math.max(
    ...[video, audio].map((track) => (track === null ? 0 : track.startSec + track.durationSec - startSec)),
  )
}
