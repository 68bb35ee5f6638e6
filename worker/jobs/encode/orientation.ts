import type { Orientation } from '../plan/encode-plan.ts'

/** The filters that orient a frame, and those that restore it as it is stored. */
export type OrientationFilters = { readonly apply: readonly string[]; readonly undo: readonly string[] }

const QUARTER: OrientationFilters = { apply: ['transpose=clock'], undo: ['transpose=cclock'] }
const HALF: OrientationFilters = { apply: ['hflip', 'vflip'], undo: ['hflip', 'vflip'] }
const NONE: OrientationFilters = { apply: [], undo: [] }

/** By clockwise rotation, in degrees. */
const ROTATIONS: Readonly<Record<number, OrientationFilters>> = {
  90: QUARTER,
  180: HALF,
  270: { apply: QUARTER.undo, undo: QUARTER.apply },
}

/** Rotation with mirroring; each filter undoes itself. */
const MIRRORED_ROTATIONS: Readonly<Record<number, string>> = {
  0: 'vflip',
  90: 'transpose=cclock_flip',
  180: 'hflip',
  270: 'transpose=clock_flip',
}

/** Returns the filters for an orientation. Both directions are exact, and equal to what ffmpeg does on its own. */
export function orientationFilters({ rotation, isMirrored }: Orientation): OrientationFilters {
  if (!isMirrored) return ROTATIONS[rotation] ?? NONE
  const filters = [MIRRORED_ROTATIONS[rotation]].filter((filter) => filter !== undefined)
  return { apply: filters, undo: filters }
}
