import type { EncodedRung } from '../../../shared/contract/live.ts'
import type { RecordedRun } from '../../../shared/contract/live-files.ts'
import { chooseRung } from '../rules/choose-rung.ts'
import type { EncoderRunRow, SegmentRow } from '../store/segments.ts'

/** A run as a worker joins it, and the rung that it joins. */
export type OrderedRun = { readonly recorded: RecordedRun; readonly rung: EncodedRung }

/**
 * Returns the runs that segments are of, in order, each in one rung. A rendition keeps its size where it can: it is the
 * highest rung that all of these runs have.
 */
export function orderRuns(
  folder: string,
  runs: readonly EncoderRunRow[],
  segments: readonly SegmentRow[],
): readonly OrderedRun[] {
  const used = runs.flatMap((run) => {
    const own = segments.filter(({ epoch, run: number }) => epoch === run.epoch && number === run.run)
    return own.length === 0 ? [] : [{ run, own }]
  })
  const names = used.map(({ run }) => run.rungs.map(({ name }) => name))
  const common = (names[0] ?? []).filter((name) => names.every((others) => others.includes(name)))
  const wanted = common.toSorted((a, b) => Number(b) - Number(a))[0] ?? names[0]?.[0] ?? ''
  return used.flatMap(({ run, own }) => orderRun(folder, run, { segments: own, wanted }))
}

function orderRun(
  folder: string,
  { epoch, run, rungs }: EncoderRunRow,
  { segments, wanted }: { readonly segments: readonly SegmentRow[]; readonly wanted: string },
): OrderedRun[] {
  const names = rungs.map(({ name }) => name)
  const name = chooseRung(names, wanted)
  const at = names.indexOf(name)
  const rung = rungs[at]
  if (rung === undefined) return []
  const prefix = `${folder}${epoch}/${name}/`
  const recorded = {
    init: `${prefix}init-${run}.mp4`,
    prefix,
    segments: segments.map(({ n, bytes }) => ({ n, bytes: bytes[at] ?? 0 })),
    duration_sec: segments.reduce((sum, { durationSec }) => sum + durationSec, 0),
  }
  return [{ recorded, rung }]
}
