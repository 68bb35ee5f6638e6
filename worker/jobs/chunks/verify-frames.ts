import type { FrameRate } from '../plan/output-plan.ts'
import { TIMESTAMP_OFFSET_SEC } from './fragments.ts'
import type { VideoPackets } from './video-packets.ts'

/** A range of output frames: `[first, end)`. */
export type FrameRange = { readonly first: number; readonly end: number }

/**
 * Returns a description of what is wrong with encoded frames, or `null`. There must be one frame for each position of
 * the output's frame grid in the range, at its exact time.
 */
export function findFrameProblem(
  { timeBase, packets }: VideoPackets,
  fps: FrameRate,
  { first, end }: FrameRange,
): string | null {
  if (packets.length !== end - first) return `has ${packets.length} frames, not ${end - first}`
  const ticksPerFrame = (timeBase.den * fps.den) / fps.num
  const zeroPts = TIMESTAMP_OFFSET_SEC * timeBase.den
  const times = packets.map(({ pts }) => pts).toSorted((a, b) => a - b)
  const wrong = times.findIndex((pts, i) => Math.abs(pts - zeroPts - (first + i) * ticksPerFrame) > 0.5)
  return wrong < 0 ? null : `has a wrong timestamp at its frame ${first + wrong}`
}
