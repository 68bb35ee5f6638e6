import { SEGMENT_SEC } from '../../../shared/contract/live.ts'
import { chooseRung } from '../rules/choose-rung.ts'
import type { EncoderRunRow, SegmentRow } from '../store/segments.ts'

/** Segments that are shorter are no measure of the rate, in seconds: half a target (RFC 8216 §4.3.4.2). */
const LEAST_SEC = SEGMENT_SEC / 2

type StoredMedia = { readonly segments: readonly SegmentRow[]; readonly runs: readonly EncoderRunRow[] }

/** Returns a function that says the highest bit rate of a segment that a rendition shows, in bit/s; 0 where none does. */
export function measurePeaks({ segments, runs }: StoredMedia): (rendition: string) => number {
  const peaks = new Map<string, number[]>()
  for (const { epoch, run, bytes, durationSec } of segments) {
    if (durationSec < LEAST_SEC) continue
    const key = keyOf(epoch, run)
    const known = peaks.get(key) ?? []
    peaks.set(
      key,
      bytes.map((size, rung) => Math.max(known[rung] ?? 0, Math.ceil((size * 8) / durationSec))),
    )
  }
  return (rendition) =>
    runs.reduce((highest, { epoch, run, rungs }) => {
      const names = rungs.map(({ name }) => name)
      const peak = peaks.get(keyOf(epoch, run))?.[names.indexOf(chooseRung(names, rendition))]
      return Math.max(highest, peak ?? 0)
    }, 0)
}

function keyOf(epoch: number, run: number): string {
  return `${epoch}/${run}`
}
