/** A row of the table of what live must do, and how its figures are shown. */

import { loadavg } from 'node:os'

import { isSo, type CheckedFigure } from '../../testing/checked-figure.ts'

/** A row of the table. It starts the product for itself. */
export type RowCheck = {
  readonly row: number
  readonly title: string
  run(signal: AbortSignal): Promise<readonly CheckedFigure[]>
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
