/** A row of the table of what live must do, and how its figures are shown. */

import { loadavg } from 'node:os'

/** What was measured, what it must be, and whether it is. */
export type CheckedFigure = { readonly measured: string; readonly bound: string; readonly holds: boolean }

/** A row of the table. It starts the product for itself. */
export type RowCheck = {
  readonly row: number
  readonly title: string
  run(signal: AbortSignal): Promise<readonly CheckedFigure[]>
}

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

/** Runs a row and prints one line: the row, its figures with their bounds, and the load of the machine. */
export async function runRow(check: RowCheck, signal: AbortSignal): Promise<boolean> {
  const startedMs = Date.now()
  const figures = await check.run(signal).catch((error: unknown) => [failedFigure(error)])
  const holds = figures.length > 0 && figures.every((figure) => figure.holds)
  const shown = figures.map(({ measured, bound, holds: isGood }) => `${isGood ? '' : '✗ '}${measured} (${bound})`)
  const [load = 0] = loadavg()
  const head = `${holds ? 'pass' : 'FAIL'}  ${String(check.row).padStart(2)} ${check.title}`
  const tail = `[${Math.round((Date.now() - startedMs) / 1000)} s, load ${load.toFixed(1)}]`
  process.stdout.write(`${head}: ${shown.join('; ')}  ${tail}\n`)
  return holds
}

function failedFigure(error: unknown): CheckedFigure {
  return isSo(error instanceof Error ? error.message : String(error), 'the check runs to its end', false)
}
