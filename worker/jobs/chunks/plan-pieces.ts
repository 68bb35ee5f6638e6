/**
 * Divides an output into chunks, and finds the packets of the input from which each chunk can be encoded.
 *
 * A chunk is a range of output frames between two segment boundaries. The output's keyframes do not depend on those of
 * the input, so every segment boundary will do. The piece of a chunk is the range of input packets from the keyframe
 * before the chunk's first frame to a few frames after its last. An input cannot be split where it has no video, where
 * its video ends before its headers say, or where its keyframes are so far apart that a worker would decode more than
 * it encodes.
 */
import type { Chunk } from '../../../shared/contract/jobs.ts'
import type { EncodePlan } from '../plan/encode-plan.ts'
import { countSegmentFrames, framesPerSec } from '../plan/frame-rate.ts'
import { MAX_PACKETS, type VideoPackets } from './video-packets.ts'

/** A chunk and the input packets that it is made from, by their indexes: `[firstPacket, endPacket)`. */
export type PlannedPiece = {
  readonly chunk: Chunk
  readonly firstPacket: number
  readonly endPacket: number
  /** Times of the input frames around the chunk's first frame, in ticks: `[fromPts, endPts)`. */
  readonly startRange: { readonly fromPts: number; readonly endPts: number }
}

/** Requested number of chunks. */
export type SplitRequest = {
  readonly chunks: 'auto' | number
  /** Workers that could help, without the present one. */
  readonly freeWorkers: number
}

/** The video packets of an input, and the start of the file's clock. */
export type InputPackets = { readonly startSec: number; readonly track: VideoPackets }

/** A shorter output is encoded before other workers have started and one of them has joined the chunks. */
const AUTO_MIN_SEC = 300
const AUTO_MIN_CHUNK_SEC = 60
/** The limit of `ChunkPlan`. */
const MAX_CHUNKS = 256

/** Input frames before and after a chunk: deinterlacing needs one on either side, a frame rate conversion one more. */
const MARGIN_FRAMES = 3

/**
 * Returns the number of chunks for an output, before its input is read; 1 means no split. `auto` splits a long output as
 * far as workers are free. A requested number is reduced until each chunk has a whole segment, or GOP in a single file.
 */
export function countChunks(plan: EncodePlan, { chunks, freeWorkers }: SplitRequest): number {
  // The join reads all packets of the output.
  if (countFrames(plan) > MAX_PACKETS) return 1
  const units = Math.floor(countFrames(plan) / (countUnitFrames(plan) ?? Infinity))
  const auto = plan.durationSec < AUTO_MIN_SEC ? 1 : Math.min(freeWorkers + 1, plan.durationSec / AUTO_MIN_CHUNK_SEC)
  return Math.max(1, Math.min(units, MAX_CHUNKS, chunks === 'auto' ? Math.floor(auto) : chunks))
}

/**
 * Plans the pieces of an input; `null` where it cannot be split. There are fewer pieces than requested where the input
 * has too few keyframes.
 */
export function planPieces(
  plan: EncodePlan,
  input: InputPackets,
  request: SplitRequest,
): readonly PlannedPiece[] | null {
  const unit = countUnitFrames(plan)
  if (unit === null) return null
  const order = sortByDisplayTime(plan, input)
  if (!reachesEnd(plan, order) || hasHiddenFramesAfterStart(input)) return null
  for (let count = countChunks(plan, request); count > 1; count -= 1) {
    const pieces = divideIntoChunks(countFrames(plan), unit, count).map((chunk) => planPiece(chunk, order))
    const isComplete = pieces.every(
      (piece, i) => piece !== null && piece.firstPacket > (pieces[i - 1]?.firstPacket ?? -1),
    )
    if (isComplete) return pieces.filter((piece) => piece !== null)
  }
  return null
}

/** Returns whether the input has a frame for each output frame, except those that are repeated at the end. */
function reachesEnd({ input }: EncodePlan, { frames }: DisplayOrder): boolean {
  const last = Math.floor(frames.at(-1)?.outputFrame ?? -1)
  return last + 1 + (input.video?.padFrames ?? 0) >= (input.video?.frames ?? 0)
}

function countFrames({ input }: EncodePlan): number {
  return input.video?.frames ?? 0
}

/** Returns the frames that must not be divided: those of a segment, or of a GOP. `null` for an output without video. */
function countUnitFrames({ video, segmentSec }: EncodePlan): number | null {
  if (video === null) return null
  return segmentSec === null ? video.gopFrames : countSegmentFrames(video.fps, segmentSec)
}

/** Divides frames evenly into chunks of whole units; the last chunk also has the remainder. */
export function divideIntoChunks(frames: number, unit: number, count: number): readonly Chunk[] {
  const units = Math.floor(frames / unit)
  const boundaryAt = (index: number) => (index === count ? frames : Math.round((index * units) / count) * unit)
  return Array.from({ length: count }, (_, index) => ({
    index,
    first_frame: boundaryAt(index),
    end_frame: boundaryAt(index + 1),
  }))
}

/** Returns whether an edit list hides frames after the file's start: hidden frames are recognised by their time alone. */
function hasHiddenFramesAfterStart({ startSec, track }: InputPackets): boolean {
  const startPts = (startSec * track.timeBase.den) / track.timeBase.num
  return track.packets.some(({ isHidden, pts }) => isHidden && pts >= startPts)
}

/** The frames of an input in the order in which they are displayed. */
type DisplayOrder = {
  readonly frames: readonly DisplayedFrame[]
  readonly keyframes: readonly DisplayedFrame[]
}
type DisplayedFrame = {
  readonly pts: number
  /** Position on the output's frame grid, as a fraction. */
  readonly outputFrame: number
  /** Index of its packet. */
  readonly packet: number
  /** End of the packets that have to be decoded for this frame and all before it. */
  readonly endPacket: number
  /** Index in `DisplayOrder.frames`. */
  readonly position: number
}

function sortByDisplayTime(plan: EncodePlan, { startSec, track }: InputPackets): DisplayOrder {
  const { shiftSec } = plan.input
  const fps = plan.video === null ? 0 : framesPerSec(plan.video.fps)
  const tickSec = track.timeBase.num / track.timeBase.den
  let endPacket = 0
  const frames = track.packets
    .map(({ pts }, packet) => ({ pts, packet }))
    .toSorted((a, b) => a.pts - b.pts)
    .map(({ pts, packet }, position) => {
      endPacket = Math.max(endPacket, packet + 1)
      return { pts, outputFrame: (pts * tickSec - startSec - shiftSec) * fps, packet, endPacket, position }
    })
  return { frames, keyframes: frames.filter(({ packet }) => track.packets[packet]?.isKey === true) }
}

/** Plans the piece of a chunk; `null` where no keyframe precedes the chunk, or only one that is too far away. */
function planPiece(chunk: Chunk, { frames, keyframes }: DisplayOrder): PlannedPiece | null {
  // A frame may be rounded to the next position of the grid, hence one more frame on either side.
  const before = frames.findLastIndex(({ outputFrame }) => outputFrame <= chunk.first_frame - 1)
  const after = frames.findIndex(({ outputFrame }) => outputFrame >= chunk.end_frame + 1)
  const first = frameAt(frames, before - MARGIN_FRAMES)
  const last = frameAt(frames, after < 0 ? Infinity : after + MARGIN_FRAMES)
  const preceding = keyframes.findLast(({ position }) => position <= first.position)
  const start = preceding ?? (chunk.index === 0 ? frameAt(frames, 0) : null)
  if (start === null) return null
  const startRange = { fromPts: first.pts, endPts: frameAt(frames, before + MARGIN_FRAMES).pts }
  const isNear = before - start.position <= last.position - before
  return isNear ? { chunk, firstPacket: start.packet, endPacket: last.endPacket, startRange } : null
}

/** Returns the frame at a position, or the first or the last frame for a position outside the input. */
function frameAt(frames: readonly DisplayedFrame[], position: number): DisplayedFrame {
  const found = frames[Math.min(frames.length - 1, Math.max(0, position))]
  if (found === undefined) throw new RangeError('the video has no frames')
  return found
}
