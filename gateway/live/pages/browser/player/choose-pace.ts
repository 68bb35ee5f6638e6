/** What a player that is behind the newest picture does: nothing, play faster, or go there at once. */
export type Pace = 'keep' | 'faster' | 'jump'

/** How far behind a player is in time, and how close it comes by a faster pace, in seconds. */
export type PaceLimits = { readonly lateSec: number; readonly closeSec: number }

/** Segments come every two seconds, so that a picture in time is up to two seconds behind. */
export const SEGMENT_PACE: PaceLimits = { lateSec: 2.5, closeSec: 1 }
/** Parts come three times a second. */
export const PART_PACE: PaceLimits = { lateSec: 0.8, closeSec: 0.3 }

/** Later than this, a faster pace takes more than a minute: the pictures between are left out, in seconds. */
const JUMP_SEC = 20

/** Chooses the pace of a player by how far it is behind where it should be, in seconds. A stall costs no picture. */
export function choosePace(behindSec: number, isFaster: boolean, { lateSec, closeSec }: PaceLimits): Pace {
  if (behindSec >= JUMP_SEC) return 'jump'
  return behindSec >= (isFaster ? closeSec : lateSec) ? 'faster' : 'keep'
}
