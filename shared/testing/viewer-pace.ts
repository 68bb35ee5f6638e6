/** Progress of a broadcast that waits for its viewer: no viewer is too slow for it, and no viewer waits long. */
export type ViewerPace = {
  /** Returns the index of a track's newest published segment; called on each request of the track's playlist. */
  edgeIndex(track: string, segmentCount: number): number
  /** Records the request of a segment. */
  recordRequest(track: string, index: number): void
  /** Publishes nothing until `resume`. */
  pause(): void
  resume(): void
  /** Publishes this many segments, whether the viewer has requested them or not. */
  advanceTo(segmentCount: number): void
}

/** Segments that are published at a time. */
const STEP_SEGMENTS = 3

/** Creates a pace that publishes `leadSegments` at first, and more each time the newest one has been requested. */
export function createViewerPace(leadSegments: number): ViewerPace {
  const published = new Map<string, number>()
  const newestRequested = new Map<string, number>()
  let isPaused = false
  let least = leadSegments
  return {
    edgeIndex(track, segmentCount) {
      const before = Math.max(published.get(track) ?? 0, least)
      const isUpToDate = (newestRequested.get(track) ?? -1) >= before - 1
      const after = Math.min(isUpToDate && !isPaused ? before + STEP_SEGMENTS : before, segmentCount)
      published.set(track, after)
      return after - 1
    },
    recordRequest: (track, index) => void newestRequested.set(track, Math.max(newestRequested.get(track) ?? -1, index)),
    pause: () => (isPaused = true),
    resume: () => (isPaused = false),
    advanceTo: (segmentCount) => (least = Math.max(least, segmentCount)),
  }
}
