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
  /** It begins behind the source's start. */
  readonly isCut: boolean
  /** Of sound alone: it goes to the sound's own end. */
  readonly isWhole: boolean
  readonly leadFrames: number
  /** 0 where there is no picture. */
  readonly frames: number
  readonly padFrames: number
  readonly padSec: number
}

type Tracks = {
  /** Of all that the file holds: its time counts from its own start, whatever is taken from it. */
  readonly probe: Probe
  readonly picture: Probe['video']
  readonly sound: Probe['audio']
  /** `null` where there is no picture. */
  readonly fps: Rational | null
}

/** Tracks that begin, or end, this near to each other do so together, by the clock of the one that leads. */
const TOGETHER_SEC = 0.1
/** Clips to within this part of a frame begin with it. */
const SAME_FRAME = 0.01
/** Counts of frames come of rounded durations: so many are made up for. */
const SPARE_FRAMES = 2
const SPARE_SEC = 0.05
/** What is shorter comes of rounding. */
const NOTHING_SEC = 1e-6
const WHOLE: Clip = { start_sec: 0, duration_sec: Infinity }

/**
 * Puts the output's 0 onto a frame of the source, so that even frames stay even, and its end onto that of the picture,
 * or of sound that goes on for longer; of sound alone, onto its own, or those of a picture that begins earlier or goes
 * on for longer. A picture that begins late shows its first frame until then, and late sound is silent. Text says why
 * nothing is in the clip.
 */
export function layTimeline(tracks: Tracks, clip: Clip | null): Timeline | string {
  const { picture, sound, leading, other } = extents(tracks)
  const fps = tracks.fps && perSec(tracks.fps)
  const [beginSec, endSec] = [beginning(leading, other, fps), ending(leading, other)]
  const { start_sec: clipSec, duration_sec: askedSec } = clip ?? WHOLE
  const startSec = snapped(clipSec, fps)
  const leftSec = endSec - beginSec - startSec
  if (leftSec < NOTHING_SEC) return outside(clipSec, endSec - beginSec)
  const { frames, durationSec } = inFrames(Math.min(leftSec, askedSec), fps)
  const zeroSec = beginSec + startSec
  const lackSec = (track: Extent | null) => Math.max(0, zeroSec + durationSec - (track?.endSec ?? Infinity))
  return {
    startSec,
    durationSec,
    shiftSec: zeroSec,
    ...leadIn(tracks.probe, { startSec, zeroSec, fps: fps ?? 0 }),
    isWhole: picture === null && askedSec >= leftSec && lackSec(sound) <= TOGETHER_SEC,
    frames,
    padFrames: Math.ceil(lackSec(picture) * (fps ?? 0)) + SPARE_FRAMES,
    padSec: lackSec(sound) + SPARE_SEC,
  }
}

/** What is read before the output's 0: nothing where that is the source's own beginning. */
function leadIn(probe: Probe, { startSec, zeroSec, fps }: { startSec: number; zeroSec: number; fps: number }) {
  if (startSec === 0) return { isCut: false, seekSec: null, leadFrames: 0 }
  const seekSec = seekPoint(probe, zeroSec)
  return { isCut: true, seekSec, leadFrames: Math.floor((zeroSec - (seekSec ?? 0)) * fps) }
}

function outside(startSec: number, lengthSec: number): string {
  const [begins, lasts] = [`the clip begins at ${startSec} s`, `${lengthSec.toFixed(3)} s`]
  if (startSec >= lengthSec) return `${begins}, but the input lasts ${lasts}`
  return `${begins}, and less than a frame is left there of the ${lasts} that the input lasts`
}

function inFrames(wantedSec: number, fps: number | null): { frames: number; durationSec: number } {
  if (fps === null) return { frames: 0, durationSec: wantedSec }
  const frames = Math.max(1, Math.round(wantedSec * fps))
  return { frames, durationSec: frames / fps }
}

type Extent = { readonly startSec: number; readonly endSec: number }

/** On ffmpeg's clock, which begins at the file's start. The picture leads, where there is to be one. */
function extents({ picture, sound, probe }: Tracks) {
  const onClock = (track: Probe['video'] | Probe['audio']): Extent | null => {
    if (track === null) return null
    const startSec = track.startSec - probe.startSec
    return { startSec, endSec: startSec + track.durationSec }
  }
  const leading = onClock(picture ?? sound) ?? { startSec: 0, endSec: 0 }
  const other = onClock(picture === null ? probe.video : probe.audio)
  return { picture: onClock(picture), sound: onClock(sound), leading, other }
}

/** That of the leading track; where the other begins earlier, so many whole frames before it. */
function beginning(leading: Extent, other: Extent | null, fps: number | null): number {
  const earlierSec = leading.startSec - (other?.startSec ?? leading.startSec)
  if (earlierSec <= TOGETHER_SEC) return leading.startSec
  return leading.startSec - (fps === null ? earlierSec : Math.round(earlierSec * fps) / fps)
}

function ending(leading: Extent, other: Extent | null): number {
  return other !== null && other.endSec > leading.endSec + TOGETHER_SEC ? other.endSec : leading.endSec
}

/** The first frame at or after a time. */
function snapped(startSec: number, fps: number | null): number {
  return fps === null ? startSec : Math.max(0, Math.ceil(startSec * fps - SAME_FRAME)) / fps
}
