import { blackout } from './blackout.ts'
import type { Detector } from './detector.ts'
import { silence } from './silence.ts'

/** Everything that a segment's picture and sound are looked at for. */
export const DETECTORS: readonly Detector[] = [blackout, silence]
