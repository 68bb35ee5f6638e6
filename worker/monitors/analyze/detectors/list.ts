import { blackout } from './blackout.ts'
import type { Detector } from './detector.ts'
import { silence } from './silence.ts'

/** Every detector, in the order in which they set a track's health. */
export const DETECTORS: readonly Detector[] = [blackout, silence]
