import type { EncodePlan } from '../encode-plan.ts'

type Turn = NonNullable<NonNullable<EncodePlan['reading']['picture']>['turn']>

/** What ffmpeg does to a picture by its display matrix before our filters get it, and what undoes that. */
type Turning = { readonly there: readonly string[]; readonly back: readonly string[] }

const QUARTER = { there: ['transpose=clock'], back: ['transpose=cclock'] }
const HALF = { there: ['hflip', 'vflip'], back: ['hflip', 'vflip'] }
const NONE = { there: [], back: [] }

const TURNINGS: Readonly<Record<number, Turning>> = {
  90: QUARTER,
  180: HALF,
  270: { there: QUARTER.back, back: QUARTER.there },
}

/** Each undoes itself. */
const MIRRORED: Readonly<Record<number, string>> = {
  0: 'vflip',
  90: 'transpose=cclock_flip',
  180: 'hflip',
  270: 'transpose=clock_flip',
}

/** The filters of a turn, sample by sample those of ffmpeg itself, and back; both are exact. */
export function turning({ rotation, isMirrored }: Turn): Turning {
  if (!isMirrored) return TURNINGS[rotation] ?? NONE
  const mirroring = [MIRRORED[rotation]].filter((filter) => filter !== undefined)
  return { there: mirroring, back: mirroring }
}
