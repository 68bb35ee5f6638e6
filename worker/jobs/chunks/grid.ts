import type { Chunk } from '../../../shared/contract/jobs.ts'
import type { EncodePlan } from '../encode-plan.ts'
import { perSec, segmentFrames } from '../frame-grid.ts'
import { MAX_PACKETS, type Picture } from './picture.ts'

/** A chunk and the packets of the source that it is made of, by their places: `[firstPacket, endPacket)`. */
export type Cut = {
  readonly chunk: Chunk
  readonly firstPacket: number
  readonly endPacket: number
  /** Times of the frames of the source around the chunk's first, in ticks: `[fromPts, endPts)`. */
  readonly seam: { readonly fromPts: number; readonly endPts: number }
}

export type Wanted = {
  readonly chunks: 'auto' | number
  /** Workers that could help; this one is not counted. */
  readonly freeWorkers: number
}

/** What is shorter is encoded before another worker is up and a second one has joined what they made. */
const AUTO_MIN_SEC = 300
const AUTO_MIN_CHUNK_SEC = 60
/** The contract's. */
const MAX_CHUNKS = 256

/**
 * Frames of the source before the first that a chunk shows, and after its last: deinterlacing looks at one on either
 * side, a change of the frame rate at one more.
 */
const MARGIN_FRAMES = 3

/**
 * Into how many chunks an output is to be split, before its source was looked at; 1: not at all. `auto` splits what is
 * long where workers are free; a number is taken at its word, so far as each chunk has a whole segment (a GOP, where
 * there are no segments).
 */
export function chunksWanted(plan: EncodePlan, { chunks, freeWorkers }: Wanted): number {
  // Whoever joins them counts them all.
  if (framesOf(plan) > MAX_PACKETS) return 1
  const units = Math.floor(framesOf(plan) / (unitOf(plan) ?? Infinity))
  const auto = plan.durationSec < AUTO_MIN_SEC ? 1 : Math.min(freeWorkers + 1, plan.durationSec / AUTO_MIN_CHUNK_SEC)
  return Math.max(1, Math.min(units, MAX_CHUNKS, chunks === 'auto' ? Math.floor(auto) : chunks))
}

/**
 * Splits an output's frames at borders between its segments, evenly, and finds the packets for each chunk: from the key
 * frame before its first frame to somewhat beyond its last. The output's key frames stand on a grid of their own, so
 * that any such border is as good as another. There are fewer chunks than wanted where the source has too few key
 * frames, and `null` where it cannot be split at all: no picture, one that ends before its headers say, or key frames so
 * far apart that a worker would decode more than it encodes.
 */
export function planChunks(plan: EncodePlan, source: { startSec: number; picture: Picture }, wanted: Wanted) {
  const frames = framesOf(plan)
  const unit = unitOf(plan)
  if (unit === null) return null
  const track = layOut(plan, source)
  if (!reachesEnd(plan, track) || isHiddenLate(source)) return null
  for (let count = chunksWanted(plan, wanted); count > 1; count -= 1) {
    const cuts = chunksOf(frames, unit, count).map((chunk) => cutOf(chunk, track))
    const isGood = cuts.every((cut, i) => cut !== null && cut.firstPacket > (cuts[i - 1]?.firstPacket ?? -1))
    if (isGood) return cuts.filter((cut) => cut !== null)
  }
  return null
}

/** Whether the source has a frame for each of the output's, but for those that are repeated at its end. */
function reachesEnd({ reading }: EncodePlan, { shown }: Track): boolean {
  const last = Math.floor(shown.at(-1)?.frame ?? -1)
  return last + 1 + (reading.picture?.padFrames ?? 0) >= (reading.picture?.frames ?? 0)
}

function framesOf({ reading }: EncodePlan): number {
  return reading.picture?.frames ?? 0
}

/** Frames that belong together: a segment's, or a GOP's. `null`: there is no picture. */
function unitOf({ video, segmentSec }: EncodePlan): number | null {
  if (video === null) return null
  return segmentSec === null ? video.gopFrames : segmentFrames(video.fps, segmentSec)
}

/** The chunks of an output: each of whole units, but the last, which has what is left too. */
export function chunksOf(frames: number, unit: number, count: number): readonly Chunk[] {
  const units = Math.floor(frames / unit)
  const borderAt = (index: number) => (index === count ? frames : Math.round((index * units) / count) * unit)
  return Array.from({ length: count }, (_, index) => ({
    index,
    first_frame: borderAt(index),
    end_frame: borderAt(index + 1),
  }))
}

/** What an edit list hides is told from the rest by its time alone: it lies before the file's start. */
function isHiddenLate({ startSec, picture }: { startSec: number; picture: Picture }): boolean {
  const begin = (startSec * picture.timeBase.den) / picture.timeBase.num
  return picture.packets.some(({ isHidden, pts }) => isHidden && pts >= begin)
}

/** The frames of a source in the order in which they are shown. */
type Track = {
  readonly shown: readonly Shown[]
  /** Places of key frames among the packets, with their places in `shown`. */
  readonly keys: readonly Shown[]
}
type Shown = {
  readonly pts: number
  /** On the output's grid, as a fraction. */
  readonly frame: number
  readonly packet: number
  /** One behind the last packet that has to be decoded for this frame and all before it. */
  readonly endPacket: number
  readonly place: number
}

function layOut(plan: EncodePlan, { startSec, picture }: { startSec: number; picture: Picture }): Track {
  const { shiftSec } = plan.reading
  const fps = plan.video === null ? 0 : perSec(plan.video.fps)
  const perTick = picture.timeBase.num / picture.timeBase.den
  const frameAt = (pts: number) => (pts * perTick - startSec - shiftSec) * fps
  let endPacket = 0
  const shown = picture.packets
    .map(({ pts }, packet) => ({ pts, packet }))
    .toSorted((a, b) => a.pts - b.pts)
    .map(({ pts, packet }, place) => {
      endPacket = Math.max(endPacket, packet + 1)
      return { pts, frame: frameAt(pts), packet, endPacket, place }
    })
  return { shown, keys: shown.filter(({ packet }) => picture.packets[packet]?.isKey === true) }
}

/** `null`: there is no key frame from which this chunk could be decoded, or one that is too far away. */
function cutOf(chunk: Chunk, { shown, keys }: Track): Cut | null {
  // A frame may be rounded to the next place of the grid: one place more is taken on either side.
  const before = shown.findLastIndex(({ frame }) => frame <= chunk.first_frame - 1)
  const behind = shown.findIndex(({ frame }) => frame >= chunk.end_frame + 1)
  const from = shownAt(shown, before - MARGIN_FRAMES)
  const until = shownAt(shown, behind < 0 ? Infinity : behind + MARGIN_FRAMES)
  const key = keys.findLast(({ place }) => place <= from.place) ?? (chunk.index === 0 ? shownAt(shown, 0) : null)
  if (key === null) return null
  const seam = { fromPts: from.pts, endPts: shownAt(shown, before + MARGIN_FRAMES).pts }
  const isNear = before - key.place <= until.place - before
  return isNear ? { chunk, firstPacket: key.packet, endPacket: until.endPacket, seam } : null
}

/** A frame by its place; the first or the last where there is none. */
function shownAt(shown: readonly Shown[], place: number): Shown {
  const found = shown[Math.min(shown.length - 1, Math.max(0, place))]
  if (found === undefined) throw new RangeError('a picture without frames')
  return found
}
