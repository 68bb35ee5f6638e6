/** The plan of a run of the encoder: which rungs it has, and where they are cut. Pure. */

import { type LadderRung, SEGMENT_SEC } from '../../../shared/contract/live.ts'
import { partSecOf } from '../../../shared/contract/live-part-length.ts'
import type { SourceVideo } from './source-facts.ts'

/** A rung of a run. A copied one is the source itself. */
export type PlannedRung = {
  /** The shorter side of its picture, which is the height of one that is not upright: `720`. */
  readonly name: string
  readonly width: number
  readonly height: number
  readonly isCopy: boolean
  /** Bit rate of its video; of a copied rung, of the ladder. */
  readonly videoKbps: number
}

/** What one run of the encoder does. */
export type RunPlan = {
  /** The highest rung first. */
  readonly rungs: readonly PlannedRung[]
  /** `source`: rungs have key frames where the source has them. `interval`: every two seconds. */
  readonly keyFrames: 'source' | 'interval'
  readonly frameRate: number
  readonly hasAudio: boolean
  readonly isInterlaced: boolean
  readonly isPassedThrough: boolean
  /** The highest encoded rung is left out because the encoder fell behind. */
  readonly isTopRungDropped: boolean
  /** The run ends with its first segment: the next one, which begins at a key frame, passes the source through. */
  readonly isBridge: boolean
}

export type PlanRequest = {
  readonly ladder: readonly LadderRung[]
  readonly video: SourceVideo
  readonly hasAudio: boolean
  /** The source's key frames divide segments evenly. */
  readonly hasRegularKeyFrames: boolean
  /** The run's first frame is a key frame of the source. */
  readonly isAtKeyFrame: boolean
  /** Encoded rungs to leave out, from the highest on. One rung stays, encoded or copied. */
  readonly droppedRungs: number
}

const SEGMENT_MS = SEGMENT_SEC * 1000
/** Timestamps are whole ms. */
const ROUNDING_MS = 1

/** Plans a run. */
export function planRun(request: PlanRequest): RunPlan {
  const { video, ladder } = request
  const picture = measurePicture(video)
  const rungs = planRungs(ladder, picture)
  const isTop = rungs[0]?.name === String(Math.round(Math.min(picture.width, picture.height)))
  const canCopy = request.hasRegularKeyFrames && video.isCopyable && isPlayableAsIs(video) && isTop
  const isPassedThrough = canCopy && request.isAtKeyFrame
  const all = rungs.map((rung, index) => (index === 0 && isPassedThrough ? copyRung(rung, video) : rung))
  const kept = dropRungs(all, request.droppedRungs)
  return {
    rungs: kept,
    keyFrames: request.hasRegularKeyFrames ? 'source' : 'interval',
    frameRate: video.frameRate,
    hasAudio: request.hasAudio,
    isInterlaced: video.isInterlaced,
    isPassedThrough,
    isTopRungDropped: kept.length < all.length,
    isBridge: canCopy && !request.isAtKeyFrame,
  }
}

/** A picture with square pixels. */
type PictureShape = { readonly width: number; readonly height: number }

function measurePicture({ width, height, pixelAspect }: SourceVideo): PictureShape {
  return { width: width * pixelAspect, height }
}

/** Returns the rungs that are not above the source; its own size is the highest one, unless the ladder ends below it. */
function planRungs(ladder: readonly LadderRung[], picture: PictureShape): readonly PlannedRung[] {
  const descending = ladder.toSorted((a, b) => b.height - a.height)
  const side = toEven(Math.min(picture.width, picture.height))
  const upper = descending.findLast((rung) => rung.height > side)
  const below = descending.filter((rung) => rung.height <= side)
  const hasOwnRung = upper !== undefined && below[0]?.height !== side
  const own = hasOwnRung ? [{ height: side, video_kbps: interpolateKbps(side, below[0], upper) }] : []
  return [...own, ...below].map((rung) => ({
    name: String(rung.height),
    ...scalePicture(picture, rung.height),
    isCopy: false,
    videoKbps: rung.video_kbps,
  }))
}

/** Returns the size of a rung: an upright picture has the height of the ladder as its width. */
function scalePicture({ width, height }: PictureShape, side: number): PictureShape {
  return width < height
    ? { width: side, height: toEven((height * side) / width) }
    : { width: toEven((width * side) / height), height: side }
}

const LEAST_KBPS = 64

/** Returns the bit rate of a size between two rungs, by the area of the picture. */
function interpolateKbps(height: number, lower: LadderRung | undefined, upper: LadderRung): number {
  const floor = lower ?? { height: 0, video_kbps: 0 }
  const share = (height ** 2 - floor.height ** 2) / (upper.height ** 2 - floor.height ** 2)
  return Math.max(LEAST_KBPS, Math.round(floor.video_kbps + share * (upper.video_kbps - floor.video_kbps)))
}

function toEven(size: number): number {
  return Math.max(2, 2 * Math.round(size / 2 - 1e-9))
}

/** Returns whether players decode the source itself. */
function isPlayableAsIs({ codec, pixelFormat, isInterlaced, width, height }: SourceVideo): boolean {
  const isEven = height % 2 === 0 && (height <= width || width % 2 === 0)
  return codec === 'h264' && ['yuv420p', 'yuvj420p'].includes(pixelFormat) && !isInterlaced && isEven
}

function copyRung(rung: PlannedRung, video: SourceVideo): PlannedRung {
  return { ...rung, isCopy: true, width: video.width, height: video.height }
}

/**
 * Leaves out the highest encoded rungs: a rendition whose rung is left out goes on with a lower one. Without any, all go on
 * with the copied one, which costs next to nothing; where there is none, the lowest rung stays.
 */
function dropRungs(rungs: readonly PlannedRung[], count: number): readonly PlannedRung[] {
  const dropped = new Set(rungs.filter(({ isCopy }) => !isCopy).slice(0, Math.min(count, countDroppable({ rungs }))))
  return rungs.filter((rung) => !dropped.has(rung))
}

/** Returns how many rungs of a plan can be left out to save time. */
export function countDroppable({ rungs }: Pick<RunPlan, 'rungs'>): number {
  const encoded = rungs.filter(({ isCopy }) => !isCopy).length
  return encoded < rungs.length ? encoded : encoded - 1
}

/** Returns the duration of a frame, in ms. */
export function frameMs({ frameRate }: Pick<RunPlan, 'frameRate'>): number {
  return 1000 / frameRate
}

/** Returns the least length of a segment, in ms: it ends before the first key frame after that. */
export function leastSegmentMs(plan: RunPlan): number {
  return SEGMENT_MS - frameMs(plan) / 2 - ROUNDING_MS
}

/** A segment that ends with a longer gap would be too long for the players of the others, in ms. */
const LONGEST_GAP_MS = 1400
/** Gaps of more than ten seconds are closed by the ingest. */
const MOST_GAP_MS = 10_000

/** Returns the longest gap between two frames within a segment, in ms: two frames may be missing at low frame rates. */
export function longestGapMs(plan: Pick<RunPlan, 'frameRate'>): number {
  return Math.min(MOST_GAP_MS, Math.max(LONGEST_GAP_MS, 3 * frameMs(plan)))
}

/** Returns the length of parts, in ms. */
export function partMs({ frameRate }: Pick<RunPlan, 'frameRate'>): number {
  return 1000 * partSecOf(frameRate)
}
