import type { Clip } from '../../shared/contract/jobs.ts'
import type { Probe } from '../platform/probed-media.ts'
import { perSec } from './frame-grid.ts'
import type { Rational } from './output-plan.ts'
import { seekPoint } from './seek.ts'

/** How the tracks of a source lie on the output's clock; see `Reading`. */
export type Timeline = {
  readonly startSec: number
  readonly durationSec: number
  readonly seekSec: number | null
  readonly shiftSec: number
  /** It begins behind the source's start, or ends before its end. */
  readonly isCutAt: { readonly start: boolean; readonly end: boolean }
  readonly leadFrames: number
  /** 0 where there is no picture. */
  readonly frames: number
  readonly padFrames: number
  readonly padSec: number
}

type Tracks = {
  readonly probe: Probe
  readonly picture: Probe['video']
  readonly sound: Probe['audio']
  /** `null` where there is no picture. */
  readonly fps: Rational | null
}

/** Tracks that begin, or end, this near to each other do so together, by the picture's clock. */
const TOGETHER_SEC = 0.1
/** Clips to within this part of a frame begin with it. */
const SAME_FRAME = 0.01
/** Counts of frames come of rounded durations: so many are made up for. */
const SPARE_FRAMES = 2
const SPARE_SEC = 0.05

/**
 * Puts the output's 0 onto a frame of the source, so that even frames stay even, and its end onto that of the picture,
 * or of sound that goes on for longer. A picture that begins late shows its first frame until then. `null`: the clip
 * begins behind the end.
 */
export function layTimeline(tracks: Tracks, clip: Clip | null): Timeline | null {
  const { picture, sound } = extents(tracks)
  const fps = tracks.fps === null ? null : perSec(tracks.fps)
  const beginSec = beginning(picture, sound, fps)
  const endSec = ending(picture, sound)
  const clipSec = clip === null ? 0 : snapped(clip.start_sec, fps)
  const leftSec = endSec - beginSec - clipSec
  if (leftSec <= 0) return null
  const wantedSec = Math.min(leftSec, clip?.duration_sec ?? Infinity)
  const { frames, durationSec } = inFrames(wantedSec, fps)
  const zeroSec = beginSec + clipSec
  const seekSec = clipSec > 0 ? seekPoint(tracks.probe, zeroSec) : null
  const lackSec = (track: Extent | null) => Math.max(0, zeroSec + durationSec - (track?.endSec ?? Infinity))
  return {
    startSec: clipSec,
    durationSec,
    seekSec,
    shiftSec: zeroSec,
    isCutAt: { start: clipSec > 0, end: wantedSec < leftSec },
    leadFrames: clipSec > 0 ? Math.floor((zeroSec - (seekSec ?? 0)) * (fps ?? 0)) : 0,
    frames,
    padFrames: Math.ceil(lackSec(picture) * (fps ?? 0)) + SPARE_FRAMES,
    padSec: lackSec(sound) + SPARE_SEC,
  }
}

function inFrames(wantedSec: number, fps: number | null): { frames: number; durationSec: number } {
  if (fps === null) return { frames: 0, durationSec: wantedSec }
  const frames = Math.max(1, Math.round(wantedSec * fps))
  return { frames, durationSec: frames / fps }
}

type Extent = { readonly startSec: number; readonly endSec: number }

/** On ffmpeg's clock, which begins at the file's start. */
function extents({ picture, sound, probe }: Tracks): { picture: Extent | null; sound: Extent | null } {
  const onClock = (track: { startSec: number; durationSec: number } | null) => {
    if (track === null) return null
    const begin = track.startSec - probe.startSec
    return { startSec: begin, endSec: begin + track.durationSec }
  }
  return { picture: onClock(picture), sound: onClock(sound) }
}

/** That of the picture; where sound begins earlier, so many whole frames before it. */
function beginning(picture: Extent | null, sound: Extent | null, fps: number | null): number {
  if (picture === null || fps === null) return sound?.startSec ?? 0
  const earlierSec = picture.startSec - (sound?.startSec ?? picture.startSec)
  return earlierSec > TOGETHER_SEC ? picture.startSec - Math.round(earlierSec * fps) / fps : picture.startSec
}

function ending(picture: Extent | null, sound: Extent | null): number {
  if (picture === null || sound === null) return (picture ?? sound)?.endSec ?? 0
  return sound.endSec > picture.endSec + TOGETHER_SEC ? sound.endSec : picture.endSec
}

/** The first frame at or after a time. */
function snapped(startSec: number, fps: number | null): number {
  return fps === null ? startSec : Math.max(0, Math.ceil(startSec * fps - SAME_FRAME)) / fps
}
