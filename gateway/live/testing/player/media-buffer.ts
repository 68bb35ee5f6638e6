import { sumDurations, type ListedSegment } from './media-playlist.ts'

/** A piece of media that a player has received: a part, or a whole segment. */
export type MediaPiece = { readonly bytes: Buffer; readonly durationSec: number }

/** What a player holds of a segment. */
type HeldSegment = { readonly map: string; pieces: MediaPiece[]; isWhole: boolean }

/** Consecutive media with one initialization segment. */
export type MediaPeriod = { readonly map: string; readonly media: readonly Buffer[] }

/** The media of a player, by sequence number. A segment that another worker made again replaces its first parts. */
export type MediaBuffer = {
  /** Returns how many parts of a listed segment are held; `whole`: nothing of it is missing. */
  heldPartsOf(listed: ListedSegment): number | 'whole'
  addPart(listed: ListedSegment, piece: MediaPiece): void
  addWhole(listed: ListedSegment, piece: MediaPiece): void
  /** Returns what has been received, in seconds. */
  durationSec(): number
  /** Returns the number of parts that were received and then replaced. */
  replacedParts(): number
  periods(): readonly MediaPeriod[]
}

/** Parts are as long as their segment up to the rounding of their durations. */
const TOLERANCE_SEC = 0.02

/** Creates an empty buffer. */
export function createMediaBuffer(): MediaBuffer {
  const held = new Map<number, HeldSegment>()
  let replaced = 0

  function drop({ seq }: ListedSegment): void {
    replaced += held.get(seq)?.pieces.length ?? 0
    held.delete(seq)
  }

  function segmentOf(listed: ListedSegment): HeldSegment {
    const known = held.get(listed.seq)
    if (known?.map === listed.map) return known
    drop(listed)
    const created = { map: listed.map, pieces: [], isWhole: false }
    held.set(listed.seq, created)
    return created
  }

  return {
    heldPartsOf(listed) {
      const known = held.get(listed.seq)
      if (known?.map !== listed.map) return 0
      const missingSec = listed.durationSec - sumDurations(known.pieces)
      if (listed.uri !== null && missingSec < TOLERANCE_SEC) known.isWhole = true
      return known.isWhole ? 'whole' : known.pieces.length
    },
    addPart: (listed, piece) => void segmentOf(listed).pieces.push(piece),
    addWhole(listed, piece) {
      drop(listed)
      held.set(listed.seq, { map: listed.map, pieces: [piece], isWhole: true })
    },
    durationSec: () => [...held.values()].reduce((sum, { pieces }) => sum + sumDurations(pieces), 0),
    replacedParts: () => replaced,
    periods: () => joinPeriods([...held].toSorted(([a], [b]) => a - b).map(([, segment]) => segment)),
  }
}

function joinPeriods(segments: readonly HeldSegment[]): MediaPeriod[] {
  const periods: { map: string; media: Buffer[] }[] = []
  for (const { map, pieces } of segments) {
    const last = periods.at(-1)
    const media = pieces.map(({ bytes }) => bytes)
    if (last?.map === map) last.media.push(...media)
    else periods.push({ map, media })
  }
  return periods
}
