/**
 * Maps the tracks of an input onto the clock of an output.
 *
 * The output's 0 lies on a frame of the input, so that evenly spaced frames remain so. The output ends with the video,
 * or with audio that lasts longer. An output of audio alone begins and ends with the audio, or with a video track that
 * begins earlier or lasts longer: a clip is the same moment of the input in every output. A video that begins late
 * shows its first frame until then; late audio is preceded by silence.
 */
import type { Clip } from '../../../shared/contract/jobs.ts'
import type { ProbedMedia } from '../../media/probed-media.ts'
import { framesPerSec } from './frame-rate.ts'
import type { FrameRate } from './output-plan.ts'
import { findSeekPoint } from './seek-point.ts'

/** Times of an output and of its tracks; `InputPlan` explains the fields that it shares with this type. */
export type Timeline = {
  readonly startSec: number
  readonly durationSec: number
  readonly seekSec: number | null
  readonly shiftSec: number
  readonly isSilent: boolean
  readonly keepsOwnEnd: boolean
  readonly leadFrames: number
  /** 0 where the output has no video. */
  readonly frames: number
  readonly padFrames: number
  readonly padSec: number
}

/** The tracks that an output uses; the probe has all tracks of the input, since the file's clock depends on them. */
export type TimelineTracks = {
  readonly probe: ProbedMedia
  readonly video: ProbedMedia['video']
  readonly audio: ProbedMedia['audio']
  /** `null` where the output has no video. */
  readonly fps: FrameRate | null
}

/** `empty`: the clip holds nothing of the input. */
type TimelineResult =
  | { readonly kind: 'ok'; readonly timeline: Timeline }
  | { readonly kind: 'empty'; readonly message: string }

/** Tracks whose starts, or ends, are this close count as simultaneous. */
const SIMULTANEOUS_SEC = 0.1
/** Part of a frame by which a clip may begin late and still include the frame. */
const FRAME_TOLERANCE = 0.01
/** Padding beyond the computed lack: frame counts come from rounded durations. */
const SPARE_FRAMES = 2
/** Damaged packets at the end of a track may yield no audio. */
const SPARE_SEC = 1
/** A shorter remainder is a rounding error. */
const MIN_DURATION_SEC = 1e-6
const WHOLE_INPUT: Clip = { start_sec: 0, duration_sec: Infinity }

/** Plans the timeline of an output, for the whole input or for a clip of it. */
export function planTimeline(tracks: TimelineTracks, clip: Clip | null): TimelineResult {
  const { video, audio, primary, secondary } = findTrackIntervals(tracks)
  const fps = tracks.fps && framesPerSec(tracks.fps)
  const [beginSec, endSec] = [findBeginSec(primary, secondary, fps), findEndSec(primary, secondary)]
  const { start_sec: clipStartSec, duration_sec: clipDurationSec } = clip ?? WHOLE_INPUT
  const startSec = snapToFrame(clipStartSec, fps)
  const leftSec = endSec - beginSec - startSec
  if (leftSec < MIN_DURATION_SEC) return { kind: 'empty', message: describeEmptyClip(clipStartSec, endSec - beginSec) }
  const { frames, durationSec } = roundToFrames(Math.min(leftSec, clipDurationSec), fps)
  const zeroSec = beginSec + startSec
  const lackSec = (track: TrackInterval | null) => Math.max(0, zeroSec + durationSec - (track?.endSec ?? Infinity))
  const timeline = {
    startSec,
    durationSec,
    shiftSec: zeroSec,
    ...planLeadIn(tracks.probe, { startSec, zeroSec, fps: fps ?? 0 }),
    isSilent: audio !== null && !overlaps(audio, zeroSec, zeroSec + durationSec),
    keepsOwnEnd: video === null && clipDurationSec >= leftSec && lackSec(audio) <= SIMULTANEOUS_SEC,
    frames,
    padFrames: Math.ceil(lackSec(video) * (fps ?? 0)) + SPARE_FRAMES,
    padSec: lackSec(audio) + SPARE_SEC,
  }
  return { kind: 'ok', timeline }
}

/** Plans what is read before the output's 0: nothing where the output begins with the input. */
function planLeadIn(
  probe: ProbedMedia,
  { startSec, zeroSec, fps }: { readonly startSec: number; readonly zeroSec: number; readonly fps: number },
) {
  if (startSec === 0) return { seekSec: null, leadFrames: 0 }
  const seekSec = findSeekPoint(probe, zeroSec)
  return { seekSec, leadFrames: Math.floor((zeroSec - (seekSec ?? 0)) * fps) }
}

function describeEmptyClip(startSec: number, inputSec: number): string {
  const begins = `the clip begins at ${startSec} s`
  const lasts = `the input lasts ${inputSec.toFixed(3)} s`
  return startSec >= inputSec ? `${begins}, but ${lasts}` : `${begins}, less than a frame before the end: ${lasts}`
}

function roundToFrames(wantedSec: number, fps: number | null): { frames: number; durationSec: number } {
  if (fps === null) return { frames: 0, durationSec: wantedSec }
  const frames = Math.max(1, Math.round(wantedSec * fps))
  return { frames, durationSec: frames / fps }
}

/** Start and end of a track on ffmpeg's clock, which begins at the file's start. */
type TrackInterval = { readonly startSec: number; readonly endSec: number }

/** Returns the intervals of the tracks. The video is the primary track where the output has video, else the audio. */
function findTrackIntervals({ video, audio, probe }: TimelineTracks) {
  const intervalOf = (track: ProbedMedia['video'] | ProbedMedia['audio']): TrackInterval | null => {
    if (track === null) return null
    const startSec = track.startSec - probe.startSec
    return { startSec, endSec: startSec + track.durationSec }
  }
  const primary = intervalOf(video ?? audio) ?? { startSec: 0, endSec: 0 }
  const secondary = intervalOf(video === null ? probe.video : probe.audio)
  return { video: intervalOf(video), audio: intervalOf(audio), primary, secondary }
}

/** Returns whether a track has content within a range. A short rest does not count: decoding may not yield it. */
function overlaps(track: TrackInterval, startSec: number, endSec: number): boolean {
  const restSec = Math.min(SIMULTANEOUS_SEC, (track.endSec - track.startSec) / 2)
  return track.endSec > startSec + restSec && track.startSec < endSec
}

/** Returns the start of the primary track, or a point whole frames before it where the secondary begins earlier. */
function findBeginSec(primary: TrackInterval, secondary: TrackInterval | null, fps: number | null): number {
  const earlierSec = primary.startSec - (secondary?.startSec ?? primary.startSec)
  if (earlierSec <= SIMULTANEOUS_SEC) return primary.startSec
  return primary.startSec - (fps === null ? earlierSec : Math.round(earlierSec * fps) / fps)
}

function findEndSec(primary: TrackInterval, secondary: TrackInterval | null): number {
  return secondary !== null && secondary.endSec > primary.endSec + SIMULTANEOUS_SEC ? secondary.endSec : primary.endSec
}

/** Returns the time of the first frame at or after `startSec`. */
function snapToFrame(startSec: number, fps: number | null): number {
  return fps === null ? startSec : Math.max(0, Math.ceil(startSec * fps - FRAME_TOLERANCE)) / fps
}
