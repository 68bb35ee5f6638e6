/** The tracks of a session. */
export type MediaTrack = 'audio' | 'video'

/** `isJump`: the encoder's timestamps jumped here, and the jump was closed up. */
export type PlacedTime = { readonly timestampMs: number; readonly isJump: boolean }

/**
 * Places the timestamps of an encoder on a session's time: it begins near 0, goes on over the wrap of 32 bits, never goes
 * back within a track, and has no gap of more than 10 s.
 */
export type SessionTime = {
  /** Returns the time of a frame, in ms. `timestamp` is the encoder's, of 32 bits. */
  place(track: MediaTrack, timestamp: number): PlacedTime
  /** Returns the latest time of a frame so far, in ms; 0 before the first one. */
  latestMs(): number
}

/** A larger step of the timestamps forward is a jump. */
const MAX_GAP_MS = 10_000
/** A larger step back within a track is a jump. Smaller ones come from rounding, and the frame is moved instead. */
const MAX_STEP_BACK_MS = 100
/** Step over a jump where the track has none before it. */
const DEFAULT_STEP_MS = 20
const MAX_STEP_MS = 1000

type TrackTime = {
  readonly lastMs: number
  readonly stepMs: number
  /** What was added to the encoder's time of the last frame. */
  readonly offsetMs: number
}

type SessionTimeState = {
  readonly tracks: Map<MediaTrack, TrackTime>
  latestMs: number
  /** The encoder's last timestamp, and its time without wraps. */
  lastTimestamp: number | null
  encoderMs: number
  /** What is added to the encoder's time. Both tracks share it, so that they stay in step over a jump. */
  offsetMs: number
}

/** Creates the time of a session that has no frame yet. */
export function createSessionTime(): SessionTime {
  const state: SessionTimeState = {
    tracks: new Map(),
    latestMs: 0,
    lastTimestamp: null,
    encoderMs: 0,
    offsetMs: 0,
  }
  return { latestMs: () => state.latestMs, place: (track, timestamp) => placeFrame(state, track, timestamp) }
}

function placeFrame(state: SessionTimeState, name: MediaTrack, timestamp: number): PlacedTime {
  const isFirst = state.lastTimestamp === null
  advanceEncoderTime(state, timestamp)
  if (isFirst) state.offsetMs = -state.encoderMs
  const track = state.tracks.get(name)
  const fitting = findFittingOffset(state, track)
  const isJump = fitting === null
  const offsetMs = fitting ?? chooseOffsetAfterJump(state, track)
  const timestampMs = Math.max(state.encoderMs + offsetMs, track?.lastMs ?? 0)
  const isStep = track !== undefined && !isJump
  const stepMs = isStep ? Math.min(MAX_STEP_MS, timestampMs - track.lastMs) : (track?.stepMs ?? DEFAULT_STEP_MS)
  state.tracks.set(name, { lastMs: timestampMs, stepMs, offsetMs })
  state.latestMs = Math.max(state.latestMs, timestampMs)
  return { timestampMs, isJump }
}

/** Adds the difference of two timestamps as a signed number of 32 bits: it is right over a wrap too. */
function advanceEncoderTime(state: SessionTimeState, timestamp: number): void {
  state.encoderMs += state.lastTimestamp === null ? timestamp : (timestamp - state.lastTimestamp) | 0
  state.lastTimestamp = timestamp
}

/**
 * Returns the offset with which a frame follows its track; `null`: there is none, the time jumped. After a jump of one
 * track, frames of the other one from before it may still come: they keep their track's offset.
 */
function findFittingOffset(state: SessionTimeState, track: TrackTime | undefined): number | null {
  const expectedMs = findExpectedTime(state, track)
  const earliestMs = (track?.lastMs ?? state.latestMs - MAX_GAP_MS) - MAX_STEP_BACK_MS
  const candidates = [state.offsetMs, track?.offsetMs ?? state.offsetMs].filter((offsetMs) => {
    const ms = state.encoderMs + offsetMs
    return ms >= earliestMs && ms <= state.latestMs + MAX_GAP_MS
  })
  const distance = (offsetMs: number) => Math.abs(state.encoderMs + offsetMs - expectedMs)
  return candidates.toSorted((a, b) => distance(a) - distance(b))[0] ?? null
}

/** Returns when the next frame of a track is due: an ordinary step after its last one. */
function findExpectedTime(state: SessionTimeState, track: TrackTime | undefined): number {
  return track === undefined ? state.latestMs : track.lastMs + track.stepMs
}

/** Returns the offset with which a frame follows the last one of its track by an ordinary step, and sets it for both. */
function chooseOffsetAfterJump(state: SessionTimeState, track: TrackTime | undefined): number {
  state.offsetMs = findExpectedTime(state, track) - state.encoderMs
  return state.offsetMs
}
