/** What was measured, what it must be, and whether it is. */
export type CheckedFigure = { readonly measured: string; readonly bound: string; readonly holds: boolean }

/** Returns the figure of a duration that must not be longer than `most`, in seconds. */
export function atMost(name: string, sec: number, most: number): CheckedFigure {
  return { measured: `${name} ${sec.toFixed(2)} s`, bound: `≤ ${most} s`, holds: sec <= most }
}

/** Returns the figure of a number that must be `expected`. */
export function exactly(name: string, count: number, expected: number): CheckedFigure {
  return { measured: `${name} ${count}`, bound: `= ${expected}`, holds: count === expected }
}

/** Returns the figure of something that must be so; `measured` says what is. */
export function isSo(measured: string, bound: string, holds: boolean): CheckedFigure {
  return { measured, bound, holds }
}
