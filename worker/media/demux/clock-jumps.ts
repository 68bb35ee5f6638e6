/** A step of decode times beyond these is a jump of the clock and not a pause; ffmpeg's limit forwards. */
const MAX_STEP_SEC = 10
const MAX_STEP_BACK_SEC = 1

/** How far a track has come on a clock that does not jump. */
export type ClockPosition = {
  /** What was added to its last time. */
  readonly shift: number
  /** Its last time, from which a step counts, and the time at which it goes on after a jump. */
  readonly last: number
  readonly due: number
}

/**
 * Creates a function that returns what to add to a track's next decode time, so that the clock of a segment does not
 * jump. `before` is `null` at the track's first time. A jump that one track makes first moves the others by as much.
 */
export function createJumpFinder(unitsPerSec: number): (time: number, before: ClockPosition | null) => number {
  let newest = 0
  return (time, before) => {
    if (before === null) return newest
    const isNear = (shift: number) => isStep((time + shift - before.last) / unitsPerSec)
    const found = [before.shift, newest].find(isNear)
    if (found !== undefined) return found
    newest = before.due - time
    return newest
  }
}

function isStep(sec: number): boolean {
  return sec <= MAX_STEP_SEC && sec >= -MAX_STEP_BACK_SEC
}
