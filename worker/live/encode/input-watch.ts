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

type RunStart = Pick<SourceStart, 'startMs' | 'hasAudio'>
type WatchedPlan = Pick<RunPlan, 'hasAudio' | 'frameRate'>

/** Creates a function that takes the tags of a run in order, and returns why the run cannot go on with one; else `null`. */
export function createInputWatch(start: RunStart, plan: WatchedPlan): (tag: FlvTag) => InputChange | null {
  const configurations = createConfigurations(start)
  const picture = createPictureWatch(start, plan)
  const sound = createSoundWatch(start, plan)
  return (tag) => {
    if (isConfiguration(tag)) return configurations.isChanged(tag, picture.hasBegun()) ? 'changed' : null
    return picture.add(tag) ? 'gap' : sound.add(tag)
  }
}

/** Knows the configurations of a run's decoders. The first one of a track is the run's. */
function createConfigurations({ hasAudio }: RunStart) {
  const known = new Map<number, Buffer>()
  return {
    /** Returns whether a configuration differs from the run's; `hasBegun`: the run's first frame is fed. */
    isChanged({ type, body }: FlvTag, hasBegun: boolean): boolean {
      if (type === TAG_TYPE.audio && !hasAudio) return false
      const before = hasBegun ? (known.get(type) ?? body) : body
      known.set(type, before)
      return !before.equals(body)
    },
  }
}

/** Notices that a picture stops: a frame comes late, or sound goes on without one. */
function createPictureWatch({ startMs }: RunStart, plan: WatchedPlan) {
  const gapMs = longestGapMs(plan)
  let hasBegun = false
  let pictureMs = startMs
  return {
    hasBegun: () => hasBegun,
    /** Returns whether the picture has stopped before this tag. */
    add(tag: FlvTag): boolean {
      const frame = readTaggedFrame(tag)
      const elapsedMs = tag.timestampMs - pictureMs
      if (frame === null) return hasBegun && isSoundFrame(tag) && elapsedMs > Math.max(gapMs, SOUND_AHEAD_MS)
      if (hasBegun && elapsedMs > gapMs) return true
      hasBegun ||= frame.ptsMs >= startMs
      pictureMs = Math.max(pictureMs, frame.dtsMs)
      return false
    },
  }
}

/** Notices sound that was not planned, and planned sound that does not come. */
function createSoundWatch({ startMs, hasAudio }: RunStart, plan: WatchedPlan) {
  let hasSound = false
  return {
    add(tag: FlvTag): InputChange | null {
      hasSound ||= isSoundFrame(tag) && tag.timestampMs >= startMs + LEAST_SOUND_MS
      if (hasSound) return hasAudio ? null : 'changed'
      const isLate = tag.type === TAG_TYPE.video && tag.timestampMs > startMs + SOUND_PATIENCE_MS
      return plan.hasAudio && isLate ? 'silent' : null
    },
  }
}
