import type { TrackFragment, TrackRun } from '../mp4/track-fragment.ts'

type DataRange = { readonly from: number; readonly to: number }

/** A run by the position of its data in the segment. */
type PlacedRun = TrackRun & DataRange

/** A track fragment whose data was found. */
export type PlacedFragment = TrackFragment & { readonly runs: readonly PlacedRun[] }

/**
 * Finds the data of a moof box's track fragments within the bodies of mdat boxes. Positions in the file mislead in a
 * segment that is a range of it: where they lead elsewhere, the moof box is the base, which is what they mostly name.
 */
export function placeFragments(
  fragments: readonly TrackFragment[],
  moofAt: number,
  data: readonly DataRange[],
): readonly PlacedFragment[] {
  const placed = placeAll(fragments, moofAt)
  const isData = ({ from, to }: PlacedRun) => from === to || data.some((box) => from >= box.from && to <= box.to)
  if (placed.every(({ runs }) => runs.every(isData))) return placed
  const toRelative = (base: TrackFragment['dataBase']) => (typeof base === 'number' ? 'moof' : base)
  return placeAll(
    fragments.map((fragment) => ({ ...fragment, dataBase: toRelative(fragment.dataBase) })),
    moofAt,
  )
}

function placeAll(fragments: readonly TrackFragment[], moofAt: number): PlacedFragment[] {
  let endAt = moofAt
  return fragments.map((fragment) => {
    const runs = placeRuns(fragment, { moofAt, endAt })
    endAt = runs.at(-1)?.to ?? endAt
    return { ...fragment, runs }
  })
}

/** Returns where a track fragment's data lies. `endAt`: where that of the one before it in its moof box ends. */
function placeRuns(
  { dataBase, runs }: TrackFragment,
  { moofAt, endAt }: { readonly moofAt: number; readonly endAt: number },
): PlacedRun[] {
  const base = dataBase === 'moof' ? moofAt : dataBase === 'before' ? endAt : dataBase
  let to = base
  return runs.map((run) => {
    const from = run.dataOffset === null ? to : base + run.dataOffset
    to = run.samples.reduce((at, { size }) => at + size, from)
    return { ...run, from, to }
  })
}
