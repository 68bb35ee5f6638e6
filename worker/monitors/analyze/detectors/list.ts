import { blackout } from './blackout.ts'
import type { Detector } from './detector.ts'
import { freeze } from './freeze.ts'
import { silence } from './silence.ts'
import { pictureMissing, soundMissing } from './track-missing.ts'

/** Every detector, in the order in which they set a track's health. */
export const DETECTORS: readonly Detector[] = [blackout, freeze, silence, pictureMissing, soundMissing]
