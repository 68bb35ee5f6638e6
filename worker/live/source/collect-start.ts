/**
 * The beginning of a source: what is read before the encoder starts, to learn what the encoder sends and with which frame
 * the run begins.
 */

import { TAG_TYPE, type FlvTag } from '../flv/flv-tag.ts'
import { isConfiguration, readTagPayload } from '../flv/tag-payload.ts'
import { readTaggedFrame, type TaggedFrame } from './video-frame.ts'

/** The first tags of a source, from the key frame that the run's first frame depends on. */
export type SourceStart = {
  /** Decoder configurations, then frames. */
  readonly tags: readonly FlvTag[]
  /** Time of the run's first frame, in ms of the session. */
  readonly startMs: number
  /** The run's first frame is a key frame. */
  readonly isAtKeyFrame: boolean
  /** Times of the frames read so far, with those of the group of pictures before, in ms, ascending. */
  readonly frameTimesMs: readonly number[]
  readonly keyFrameTimesMs: readonly number[]
  /** Sound comes with the picture. Its configuration alone is none. */
  readonly hasAudio: boolean
}

export type StartCollector = {
  add(tag: FlvTag): void
  /** Returns whether enough was read: the first frame, and two key frames or `SPAN_MS` of media. */
  isComplete(): boolean
  /** Returns the start; `null` before the first key frame. */
  read(): SourceStart | null
}

export type StartOptions = {
  /** End of the last segment of the session, in ms; `null`: begin with the next key frame. */
  readonly fromMs: number | null
  /** What the encoder sends is known: only the first frame is looked for. */
  readonly isKnown: boolean
  /** No sound has come from `fromMs` on: what came before it says nothing. */
  readonly isSilent?: boolean
}

/** Key frames that are two seconds apart are both seen. */
const SPAN_MS = 2200
/** Frames are presented at most this much later than they are decoded. */
const REORDERING_MS = 500
/** The end of a session's last segment is as exact as the duration of its last frame, which is estimated. */
const END_TOLERANCE_MS = 5
/** Sound goes on where it was heard this shortly before the run's first frame, in ms. */
const RECENT_SOUND_MS = 1000
/** Sound that ends less than this after the run's first frame is none: encoders and filters may hold it back, in ms. */
export const LEAST_SOUND_MS = 200
/** A source that sends more than this without a usable frame is not read further. */
const MAX_BYTES = 64 * 1024 * 1024

/** Creates a collector. Tags before the first key frame are dropped, except for decoder configurations. */
export function createStartCollector({ fromMs, isKnown, isSilent = false }: StartOptions): StartCollector {
  const configurations = new Map<string, FlvTag>()
  let media: FlvTag[] = []
  let frames: TaggedFrame[] = []
  /** Frames of the group before: not encoded, but they say how the encoder sends. */
  let passedFrames: TaggedFrame[] = []
  let bytes = 0
  let soundMs = -Infinity
  const keepsUntilKey = () => frames.length === 0

  function addMedia(tag: FlvTag): void {
    const frame = readTaggedFrame(tag)
    if (keepsUntilKey() && frame?.isKey !== true) return
    if (frame?.isKey === true) dropBefore(frame)
    media.push(tag)
    bytes += tag.body.length
    if (frame !== null) frames.push(frame)
  }

  /** Drops what is before a key frame if nothing of it is needed: the run begins with the key frame or later. */
  function dropBefore(key: TaggedFrame): void {
    if (fromMs === null) return
    const isWanted = ({ ptsMs }: TaggedFrame) => ptsMs >= fromMs - END_TOLERANCE_MS
    const isPaused = key.dtsMs - (frames.at(-1)?.dtsMs ?? key.dtsMs) > REORDERING_MS
    const isNewPicture = !frames.some(isWanted) && (isPaused || hasOtherPicture(media, configurations.get('video')))
    if (key.ptsMs > fromMs + END_TOLERANCE_MS && !isNewPicture) return
    // Another picture, or one after a pause, is not sent as the one before it was.
    passedFrames = isNewPicture ? [] : frames
    for (const passed of media) keepConfiguration(passed)
    media = []
    frames = []
    bytes = 0
  }

  function keepConfiguration(tag: FlvTag): boolean {
    const name = nameConfiguration(tag)
    if (name !== null) configurations.set(name, tag)
    return name !== null
  }

  return {
    add: (tag) => {
      if (isSoundFrame(tag)) soundMs = Math.max(soundMs, tag.timestampMs)
      // A later configuration belongs to the frames after it.
      if (!(keepsUntilKey() && keepConfiguration(tag))) addMedia(tag)
    },
    isComplete: () => (bytes > MAX_BYTES && frames.length > 0) || hasEnough(frames, passedFrames, { fromMs, isKnown }),
    read: () => {
      const start = describeStart([...configurations.values()], media, frames, fromMs)
      if (start === null) return null
      const hasAudio = soundMs >= start.startMs + (isSilent ? LEAST_SOUND_MS : -RECENT_SOUND_MS)
      return { ...start, hasAudio, ...timesOf([...passedFrames, ...frames]) }
    },
  }
}

/** Returns whether the first frame was read, and enough after it. `passed`: the frames of the group before. */
function hasEnough(
  frames: readonly TaggedFrame[],
  passed: readonly TaggedFrame[],
  { fromMs, isKnown }: Pick<StartOptions, 'fromMs' | 'isKnown'>,
): boolean {
  const first = frames[0]
  if (first === undefined) return false
  const lastMs = frames.at(-1)?.dtsMs ?? 0
  const wantedMs = Math.max(fromMs ?? 0, first.ptsMs)
  const hasFirst = frames.some(({ ptsMs }) => ptsMs === wantedMs) || lastMs >= wantedMs + REORDERING_MS
  if (isKnown || !hasFirst) return hasFirst
  return [...passed, ...frames].filter(({ isKey }) => isKey).length >= 2 || lastMs >= wantedMs + SPAN_MS
}

/** Returns whether media has a configuration of the picture that differs from the one before it. */
function hasOtherPicture(media: readonly FlvTag[], before: FlvTag | undefined): boolean {
  return media.some((tag) => nameConfiguration(tag) === 'video' && before?.body.equals(tag.body) !== true)
}

/** Returns the kind of a decoder configuration or of metadata, of which the newest one counts; `null` of a frame. */
function nameConfiguration(tag: FlvTag): string | null {
  if (tag.type === TAG_TYPE.script) return 'script'
  if (!isConfiguration(tag)) return null
  return tag.type === TAG_TYPE.video ? 'video' : 'audio'
}

function describeStart(
  configurations: readonly FlvTag[],
  media: readonly FlvTag[],
  frames: readonly TaggedFrame[],
  fromMs: number | null,
): Pick<SourceStart, 'tags' | 'startMs' | 'isAtKeyFrame'> | null {
  const first = frames[0]
  if (first === undefined) return null
  const wantedMs = fromMs ?? first.ptsMs
  const wanted = frames.filter(({ ptsMs }) => ptsMs >= wantedMs - END_TOLERANCE_MS)
  if (wanted.length === 0) return null
  const startMs = Math.min(...wanted.map(({ ptsMs }) => ptsMs))
  return {
    tags: [...configurations, ...media],
    startMs,
    isAtKeyFrame: first.ptsMs === startMs,
  }
}

/** Returns whether a tag holds a frame of sound. */
export function isSoundFrame(tag: FlvTag): boolean {
  return tag.type === TAG_TYPE.audio && readTagPayload(tag)?.kind === 'key_frame'
}

function timesOf(frames: readonly TaggedFrame[]): Pick<SourceStart, 'frameTimesMs' | 'keyFrameTimesMs'> {
  return {
    frameTimesMs: frames.map(({ ptsMs }) => ptsMs).toSorted((a, b) => a - b),
    keyFrameTimesMs: frames.filter(({ isKey }) => isKey).map(({ ptsMs }) => ptsMs),
  }
}
