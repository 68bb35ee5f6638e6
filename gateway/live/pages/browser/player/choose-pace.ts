/** What a player that is behind the newest picture does: nothing, play faster, or go there at once. */
export type Pace = 'keep' | 'faster' | 'jump'

/** Later than this, a faster pace takes too long: the pictures between are left out, in seconds. */
const JUMP_SEC = 7
/** Segments come every two seconds, so that a picture in time is up to this far behind, in seconds. */
const LATE_SEC = 2.5
/** A faster pace ends here, in seconds. */
const CLOSE_SEC = 1

/** Chooses the pace of a player by how far it is behind where it should be, in seconds. A stall costs no picture. */
export function choosePace(behindSec: number, isFaster: boolean): Pace {
  if (behindSec >= JUMP_SEC) return 'jump'
  return behindSec >= (isFaster ? CLOSE_SEC : LATE_SEC) ? 'faster' : 'keep'
}
