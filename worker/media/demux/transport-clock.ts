/** Ticks per second, and the range of a timestamp (ISO/IEC 13818-1 §2.4.3.7). */
export const TICKS_PER_SEC = 90_000
const RANGE = 2 ** 33

/** A step of decode times beyond these is a jump of the clock and not a pause; ffmpeg's limit forwards. */
const MAX_STEP_TICKS = 10 * TICKS_PER_SEC
const MAX_STEP_BACK_TICKS = TICKS_PER_SEC

/** Presentation and decode time as stored; decode time is equal where it is left out. */
export type Timestamps = { readonly pts: number; readonly dts: number }

/** Places timestamps of one program on a clock that neither wraps nor jumps. */
export type TransportClock = { place(track: string, stored: Timestamps): Timestamps }

type TrackClockTime = { readonly raw: number; readonly placed: number; readonly step: number }

/** Creates the clock of a segment. A jump that one track makes first moves the others by as much. */
export function createTransportClock(): TransportClock {
  const tracks = new Map<string, TrackClockTime>()
  const shifts = [0]
  let reference: number | null = null

  function findShift(raw: number, last: TrackClockTime | undefined): number {
    const newest = shifts.at(-1) ?? 0
    if (last === undefined) return newest
    const isNear = (shift: number) => isStep(raw + shift - last.placed)
    const current = last.placed - last.raw
    const found = [current, newest].find(isNear)
    if (found !== undefined) return found
    const jumped = last.placed + last.step - raw
    shifts.push(jumped)
    return jumped
  }

  return {
    place(track, stored) {
      const last = tracks.get(track)
      const raw: number = unwrap(stored.dts, last?.raw ?? reference)
      reference = raw
      const placed = raw + findShift(raw, last)
      const step = last === undefined ? 0 : placed - last.placed
      tracks.set(track, { raw, placed, step: step > 0 ? step : (last?.step ?? 0) })
      return { dts: placed, pts: placed + unwrap(stored.pts - stored.dts, 0) }
    },
  }
}

function isStep(ticks: number): boolean {
  return ticks <= MAX_STEP_TICKS && ticks >= -MAX_STEP_BACK_TICKS
}

/** Returns the time that is congruent to a stored one and nearest to a reference. */
function unwrap(ticks: number, reference: number | null): number {
  return reference === null ? ticks : ticks + RANGE * Math.round((reference - ticks) / RANGE)
}
