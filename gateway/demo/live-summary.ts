import { colors } from 'consola/utils'

import type { MediaArrival } from '../live/testing/player/player.ts'

/** Frames that were found somewhere: their numbers, in order. */
export type FoundFrames = { readonly where: string; readonly numbers: readonly number[] }

/** What became of the frames of a broadcast. */
export type FrameCount = { readonly frames: number; readonly lost: number; readonly doubled: number }

/** Counts the frames that were found, of those from 0 to `sent`. */
export function countFrames(numbers: readonly number[], sent: number): FrameCount {
  const distinct = new Set(numbers.filter((number) => number < sent))
  return { frames: numbers.length, lost: sent - distinct.size, doubled: numbers.length - distinct.size }
}

/** Returns the middle of some values; `NaN` of none. */
export function medianOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

/** Formats the closing table: frames sent and found, and the delay from a frame's arrival at the ingest to the player. */
export function formatLiveSummary(
  sent: number,
  found: readonly FoundFrames[],
  arrivals: readonly MediaArrival[],
): readonly string[] {
  const parts = arrivals.filter(({ kind }) => kind === 'part').map(({ delaySec }) => delaySec)
  const all = arrivals.map(({ delaySec }) => delaySec)
  return [
    colors.bold(formatRow(['frames', 'number', 'lost', 'doubled'])),
    formatRow(['sent by the encoder', String(sent)]),
    ...found.map(({ where, numbers }) => {
      const { frames, lost, doubled } = countFrames(numbers, sent)
      return formatRow([where, String(frames), String(lost), String(doubled)])
    }),
    '',
    colors.bold(formatRow(['delay at the player', 'number', 'median', 'max'])),
    formatRow(['parts', String(parts.length), formatSec(medianOf(parts)), formatSec(Math.max(...parts))]),
    formatRow(['parts and segments', String(all.length), formatSec(medianOf(all)), formatSec(Math.max(...all))]),
  ]
}

function formatSec(sec: number): string {
  return `${sec.toFixed(2)} s`
}

function formatRow([name = '', ...figures]: readonly string[]): string {
  return `  ${name.padEnd(32)}${figures.map((figure) => figure.padStart(11)).join('')}`
}
