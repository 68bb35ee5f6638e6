import type { MonitorConfig } from '../../../shared/contract/monitors.ts'
import type { DemuxedSegment, DemuxedTrack } from '../../media/demux/media-packet.ts'
import type { TrackKind, TrackSelection } from '../stream.ts'
import {
  findPictureSpans,
  findSoundSpans,
  placeSpans,
  type TimedPicture,
  type TrackTimeline,
} from './detection-spans.ts'
import type { Detector, PictureDetector } from './detectors/detector.ts'
import type { DetectionSpan, SegmentFindings, TrackFindings } from './findings.ts'
import type { DecodedFrames, DecodedPicture } from './frame-collector.ts'
import type { TrackErrors } from './rendition-decoder.ts'
import { findFrozenSpans, type StillRun } from './still-runs.ts'
import { computeMaxStepSec, measureTrack, type TrackExtent, type TrackExtents } from './track-extents.ts'

/** A decoded segment. */
export type DecodedMedia = {
  readonly media: DemuxedSegment
  readonly extents: TrackExtents
  readonly durationSec: number
  readonly frames: DecodedFrames
  readonly errors: TrackErrors
  readonly selection: TrackSelection
}

/** Judges the segments of one rendition in order. */
export type SegmentJudge = {
  judge(decoded: DecodedMedia): SegmentFindings
  /** Reports whether a picture's condition lasts up to the end of the last segment. */
  isDetecting(): boolean
  /** Notes that the next segment does not follow the last one. */
  interrupt(): void
}

/** The end of the last segment's picture: its time on that segment's clock, and what lasts there. */
type PictureEnd = {
  readonly sec: number
  readonly durationSec: number
  readonly detected: readonly string[]
  readonly still: StillRun | null
}

/** The error of a picture that no decoder can begin with yet, as in the middle of a long GOP. */
export const NO_KEYFRAME = 'no keyframe has come yet'

/** Creates a judge that runs these detectors. */
export function createSegmentJudge(detectors: readonly Detector[], config: MonitorConfig): SegmentJudge {
  const pictureDetectors = detectors.filter((detector) => detector.track === 'picture')
  const soundDetectors = detectors.filter((detector) => detector.track === 'sound')
  let before: PictureEnd | null = null

  /** Returns the findings of a track that cannot be judged; `null` if it can. */
  function findTrouble(kind: TrackKind, { media, errors }: DecodedMedia, frameCount: number): TrackFindings | null {
    const track = media[kind]
    const [first] = track.packets
    if (first === undefined) return { kind: 'absent', isDeclared: track.isDeclared }
    if (frameCount > 0) return null
    return { kind: 'undecodable', codec: first.format.codec, error: errors[kind] ?? describeLack(track) }
  }

  function judgePicture(decoded: DecodedMedia): TrackFindings {
    const own = decoded.frames.pictures.filter(({ isLate }) => !isLate)
    const trouble = findTrouble('picture', decoded, own.length)
    const judged =
      trouble === null
        ? judgePictures(pictureDetectors, decoded, { before, thresholdSec: config.freeze_threshold_sec })
        : null
    before = judged?.end ?? null
    return trouble ?? { kind: 'present', spans: Object.fromEntries(judged?.spans ?? []) }
  }

  function judgeSound(decoded: DecodedMedia): TrackFindings {
    const trouble = findTrouble('sound', decoded, decoded.frames.soundFrames)
    if (trouble !== null) return trouble
    const timeline = createTimeline('sound', decoded)
    const found = findSoundSpans(decoded.frames.silentSpans, timeline.track.fromSec)
    const spans = soundDetectors.map(({ name, sound }) => [name, placeSpans(sound === 'silent' ? found : [], timeline)])
    return { kind: 'present', spans: Object.fromEntries(spans) }
  }

  return {
    judge: (decoded) => ({
      picture: decoded.selection === 'sound' ? null : judgePicture(decoded),
      sound: decoded.selection === 'picture' ? null : judgeSound(decoded),
    }),
    isDetecting: () => before !== null && before.detected.length > 0,
    interrupt() {
      before = null
    },
  }
}

type PictureJudgement = {
  readonly spans: readonly (readonly [name: string, spans: readonly DetectionSpan[]])[]
  readonly end: PictureEnd
}

/** Judges the pictures of a segment, and those of the segment before it that came late. */
function judgePictures(
  detectors: readonly PictureDetector[],
  decoded: DecodedMedia,
  { before, thresholdSec }: { readonly before: PictureEnd | null; readonly thresholdSec: number },
): PictureJudgement {
  const { durationSec, frames } = decoded
  const segment = decoded.extents.picture
  const timeline = createTimeline('picture', decoded)
  const pictures = placePictures(frames.pictures, segment, before)
  const lateSec = Math.max(0, segment.fromSec - (pictures[0]?.sec ?? Infinity))
  const endSec = segment.fromSec + durationSec
  const stillBefore = shiftRun(before?.still ?? null, segment.fromSec)
  const still = findFrozenSpans(pictures, {
    before: stillBefore,
    fromSec: segment.fromSec,
    toSec: endSec,
    thresholdSec,
  })
  const spans = detectors.map(({ name, pictures: rule }) => {
    if (rule === 'none') return [name, placeSpans([], timeline)] as const
    if (rule === 'frozen')
      return [name, placeSpans(still.spans, { ...timeline, lateSec: Infinity, isStill: true })] as const
    const wasDetected = before?.detected.includes(name) === true
    const found = findPictureSpans(pictures, rule, { wasDetected, segment })
    return [name, placeSpans(found, { ...timeline, lateSec })] as const
  })
  const detected = spans.filter(([, found]) => found.at(-1)?.toSec === durationSec).map(([name]) => name)
  return { spans, end: { sec: endSec, durationSec, detected, still: shiftRun(still.run, -endSec) } }
}

/** Moves a run to another clock. */
function shiftRun(run: StillRun | null, bySec: number): StillRun | null {
  return run === null ? null : { ...run, fromSec: run.fromSec + bySec }
}

function describeLack({ packets }: DemuxedTrack): string {
  return packets.some(({ isKey }) => isKey) ? 'no frame could be decoded' : NO_KEYFRAME
}

function createTimeline(kind: TrackKind, { media, extents, durationSec }: DecodedMedia): TrackTimeline {
  const segment = extents[kind]
  const track = measureTrack(media[kind]) ?? segment
  return { kind, track, segment, durationSec, maxStepSec: computeMaxStepSec(media[kind]), lateSec: 0 }
}

/** Places pictures on the segment's clock: late ones by their distance from the end of the previous segment. */
function placePictures(
  pictures: readonly DecodedPicture[],
  { fromSec }: TrackExtent,
  end: PictureEnd | null,
): TimedPicture[] {
  return pictures.flatMap(({ packet, isLate, isBlack, isStill }) => {
    if (!isLate) return [{ sec: packet.sec, isBlack, isStill }]
    const beforeSec = end === null ? Infinity : end.sec - packet.sec
    return beforeSec > 0 && beforeSec <= (end?.durationSec ?? 0) ? [{ sec: fromSec - beforeSec, isBlack, isStill }] : []
  })
}

/** Which pictures show what one of the detectors looks for; `count`: how many pictures belong to the segment itself. */
type MarkedPictures = { readonly any: boolean; readonly first: boolean; readonly count: number }

/** Returns whether any picture, and the first one of its own segment, shows what one of the detectors looks for. */
export function findMarkedPictures(
  pictures: readonly DecodedPicture[],
  detectors: readonly Detector[],
): MarkedPictures {
  const rules = detectors
    .filter((detector): detector is PictureDetector => detector.track === 'picture')
    .map((detector) => detector.pictures)
  const isMarked = ({ isBlack, isStill }: DecodedPicture) =>
    rules.some((rule) => (rule === 'frozen' ? isStill : rule !== 'none' && rule({ sec: 0, isBlack, isStill })))
  const own = pictures.filter(({ isLate }) => !isLate)
  return { any: pictures.some(isMarked), first: own.slice(0, 1).some(isMarked), count: own.length }
}
