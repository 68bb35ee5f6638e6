/** Measures of a video track by the timestamps of its frames. */
export type FrameStatistics = {
  add(timestampMs: number, isKeyFrame: boolean): void
  /** Returns frames per second over the last five seconds; 0 before the second frame. */
  framesPerSecond(): number
  /** Returns the distance of the last two key frames, in seconds; `null` before the second one. */
  keyFrameIntervalSec(): number | null
  /** Returns how many frames are missing in the timestamps. */
  droppedFrames(): number
}

const WINDOW_MS = 5000
/** Most frames in the window: 5 s at 240 frames per second. */
const MAX_FRAMES = 1200
/** Steps whose median is the ordinary step. */
const STEPS = 31
/** A step this many times as long as the ordinary one lacks a frame. */
const GAP_FACTOR = 1.6

type FrameStatisticsState = {
  readonly times: number[]
  readonly steps: number[]
  lastKeyMs: number | null
  keyIntervalSec: number | null
  dropped: number
}

/** Creates the statistics of a track without frames. */
export function createFrameStatistics(): FrameStatistics {
  const state: FrameStatisticsState = { times: [], steps: [], lastKeyMs: null, keyIntervalSec: null, dropped: 0 }
  return {
    add: (timestampMs, isKeyFrame) => {
      addStep(state, timestampMs)
      addTime(state.times, timestampMs)
      if (!isKeyFrame) return
      if (state.lastKeyMs !== null) state.keyIntervalSec = (timestampMs - state.lastKeyMs) / 1000
      state.lastKeyMs = timestampMs
    },
    framesPerSecond: () => {
      const spanMs = (state.times.at(-1) ?? 0) - (state.times[0] ?? 0)
      return spanMs > 0 ? ((state.times.length - 1) * 1000) / spanMs : 0
    },
    keyFrameIntervalSec: () => state.keyIntervalSec,
    droppedFrames: () => state.dropped,
  }
}

function addTime(times: number[], timestampMs: number): void {
  times.push(timestampMs)
  while (times.length > MAX_FRAMES || (times[0] ?? 0) < timestampMs - WINDOW_MS) times.shift()
}

/** Counts the frames that are missing in a long step, once the ordinary step is known. */
function addStep(state: FrameStatisticsState, timestampMs: number): void {
  const previousMs = state.times.at(-1)
  if (previousMs === undefined) return
  const stepMs = timestampMs - previousMs
  const { steps } = state
  if (steps.length === STEPS) {
    const ordinaryMs = findMedian(steps)
    if (ordinaryMs > 0 && stepMs > ordinaryMs * GAP_FACTOR) state.dropped += Math.round(stepMs / ordinaryMs) - 1
    steps.shift()
  }
  steps.push(stepMs)
}

function findMedian(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0
}
