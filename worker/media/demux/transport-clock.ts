import { type ClockPosition, createJumpFinder } from './clock-jumps.ts'

/** Ticks per second, and the range of a timestamp (ISO/IEC 13818-1 §2.4.3.7). */
export const TICKS_PER_SEC = 90_000
const RANGE = 2 ** 33

/** Presentation and decode time as stored; decode time is equal where it is left out. */
export type Timestamps = { readonly pts: number; readonly dts: number }

/** Places timestamps of one program on a clock that neither wraps nor jumps. */
export type TransportClock = { place(track: string, stored: Timestamps): Timestamps }

/** `raw`: its last decode time as stored, but on a clock that does not wrap. */
type WrappedPosition = ClockPosition & { readonly raw: number }

/** Creates the clock of a segment. A jump that one track makes first moves the others by as much. */
export function createTransportClock(): TransportClock {
  const tracks = new Map<string, WrappedPosition>()
  const findShift = createJumpFinder(TICKS_PER_SEC)
  let reference: number | null = null

  return {
    place(track, stored) {
      const before = tracks.get(track) ?? null
      const raw: number = unwrap(stored.dts, before?.raw ?? reference)
      reference = raw
      const shift = findShift(raw, before)
      const dts = raw + shift
      tracks.set(track, { raw, shift, last: dts, due: dts + measureStep(dts, before) })
      return { dts, pts: dts + unwrap(stored.pts - stored.dts, 0) }
    },
  }
}

/** Returns the step from a track's last decode time; the one before where it goes back. */
function measureStep(dts: number, before: ClockPosition | null): number {
  if (before === null) return 0
  return dts > before.last ? dts - before.last : before.due - before.last
}

/** Returns the time that is congruent to a stored one and nearest to a reference. */
function unwrap(ticks: number, reference: number | null): number {
  return reference === null ? ticks : ticks + RANGE * Math.round((reference - ticks) / RANGE)
}
