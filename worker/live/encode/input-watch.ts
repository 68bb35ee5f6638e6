/**
 * Watches what a run's encoder is fed for what the run was not planned for. Tags before the run's first frame are only decoded:
 * they may have an older configuration.
 */

import { TAG_TYPE, type FlvTag } from '../flv/flv-tag.ts'
import { isConfiguration } from '../flv/tag-payload.ts'
import { longestGapMs, type RunPlan } from '../plan/plan-run.ts'
import { isSoundFrame, LEAST_SOUND_MS, type SourceStart } from '../source/collect-start.ts'
import { readTaggedFrame } from '../source/video-frame.ts'

/**
 * Why a run cannot go on with a tag. `changed`: a decoder has another configuration, or sound comes that was not planned.
 * `silent`: planned sound does not come, without which ffmpeg writes nothing. `gap`: the picture has stopped for long.
 */
export type InputChange = 'changed' | 'silent' | 'gap'

/** Sound that has not come after this much of the picture does not come, in ms. Encoders send it later than the picture. */
const SOUND_PATIENCE_MS = 3000

/** The picture has stopped where sound is this much ahead of it, in ms. Encoders send the picture later than the sound. */
const SOUND_AHEAD_MS = 3000

/** Creates a function that takes the tags of a run in order, and returns why the run cannot go on with one; else `null`. */
export function createInputWatch(
  { startMs, hasAudio }: Pick<SourceStart, 'startMs' | 'hasAudio'>,
  plan: Pick<RunPlan, 'hasAudio' | 'frameRate'>,
): (tag: FlvTag) => InputChange | null {
  const configurations = new Map<number, Buffer>()
  let hasBegun = false
  let hasSound = false
  let pictureMs = startMs
  const gapMs = longestGapMs(plan)

  /** Returns whether a tag has another configuration than the run's. The first one of a track is the run's. */
  function isReconfigured({ type, body }: FlvTag): boolean {
    if (type === TAG_TYPE.audio && !hasAudio) return false
    const before = hasBegun ? (configurations.get(type) ?? body) : body
    configurations.set(type, before)
    return !before.equals(body)
  }

  /** Returns whether the picture has stopped: a frame comes late, or sound goes on without one. */
  function followsGap(tag: FlvTag): boolean {
    if (readTaggedFrame(tag) !== null) return tag.timestampMs - pictureMs > gapMs
    return isSoundFrame(tag) && tag.timestampMs - pictureMs > Math.max(gapMs, SOUND_AHEAD_MS)
  }

  return (tag) => {
    if (isConfiguration(tag)) return isReconfigured(tag) ? 'changed' : null
    if (hasBegun && followsGap(tag)) return 'gap'
    const frame = readTaggedFrame(tag)
    if (frame !== null && frame.ptsMs >= startMs) hasBegun = true
    if (frame !== null) pictureMs = Math.max(pictureMs, frame.dtsMs)
    hasSound ||= isSoundFrame(tag) && tag.timestampMs >= startMs + LEAST_SOUND_MS
    if (hasSound) return hasAudio ? null : 'changed'
    const isLate = frame !== null && frame.dtsMs > startMs + SOUND_PATIENCE_MS
    return plan.hasAudio && isLate ? 'silent' : null
  }
}
