import type { ProbedMedia } from '../../media/probed-media.ts'
import type { OutputPlan } from './output-plan.ts'

/** The video track of an input. */
export type InputVideo = NonNullable<ProbedMedia['video']>

/** How a video track is shown: turned clockwise by so many degrees, then mirrored or not. */
export type Orientation = { readonly rotation: number; readonly isMirrored: boolean }

/** The shape of the frames that a video track begins with. */
export type FrameShape = {
  /** Width by height as displayed: with square pixels and after rotation. */
  readonly aspect: number
  /** Size as stored; `null` in probes of older workers. */
  readonly stored: { readonly width: number; readonly height: number } | null
  /** ffmpeg turns or mirrors the frames when it reads them. */
  readonly isTurned: boolean
}

/** Colours of an input, by the names that ffmpeg's zscale filter has for them. */
export type InputColors = { readonly transfer: string; readonly primaries: string; readonly matrix: string }

/** How the colours of an input become those of an output; at most one of `hdr` and `sdr` is set. */
export type ColorPlan = {
  readonly kind: 'planned'
  /** Colours of an input that is tone-mapped. */
  readonly hdr: InputColors | null
  /** Colours of an SDR input that players do not show as they are: they are converted to BT.709. */
  readonly sdr: InputColors | null
  /** A side of the input that is converted is odd. */
  readonly isOddSized: boolean
  /** The input is RGB and has no colour matrix. */
  readonly isRgb: boolean
  /** The matrix of an input that states none: the output states it. */
  readonly matrix: string | null
}

/**
 * How the input is read and mapped onto the output's clock. A time in the input becomes one in the output in two steps:
 * ffmpeg subtracts the file's start time, wherever reading begins; then `shiftSec` is subtracted.
 */
export type InputPlan = {
  /** Latest position where reading may begin, from the file's start; `null` for the start itself. */
  readonly seekSec: number | null
  readonly shiftSec: number
  /**
   * The file's clock may be reset. ffmpeg shifts all tracks then, by what it sees in any of them: a run that decodes one
   * of them must see the other up to this time. `null` where the clock cannot be reset.
   */
  readonly watchUntilSec: number | null
  /** A track begins after what ffmpeg usually reads to detect tracks. */
  readonly hasLateTrack: boolean
  readonly video: {
    /** Stream index of the track in the input: `0:INDEX` to ffmpeg. */
    readonly index: number
    /** Set where the input is one piece of a split job: the output frame that the chunk begins with. */
    readonly chunk: { readonly firstFrame: number } | null
    /** Frames to decode before the output's first frame: the frame that a clip shows first may begin among them. */
    readonly leadFrames: number
    /** Number of output frames, the same for each rendition. */
    readonly frames: number
    /** Most times that the last frame is repeated, where the video ends before the audio. */
    readonly padFrames: number
    readonly shape: FrameShape
    readonly colors: ColorPlan
    /** The field that is shown first where the input is deinterlaced; `null` where each frame states it. */
    readonly fieldOrder: InputVideo['fieldOrder']
    /** What ffmpeg applies when it reads the track, where deinterlacing has to undo it for a while. */
    readonly orientation: Orientation | null
  } | null
  readonly audio: {
    readonly index: number
    /** Most silence that is appended, where the audio ends before the video. */
    readonly padSec: number
    /** Nothing of the track lies within the output. */
    readonly isSilent: boolean
    /** The output has audio only and ends where it ends: neither cut nor padded, since its length may be an estimate. */
    readonly keepsOwnEnd: boolean
  } | null
}

/** An output, and how it is made from its input. */
export type EncodePlan = OutputPlan & { readonly input: InputPlan }

/** A local input file, its probe, and the plan for it. */
export type PlannedInput = { readonly path: string; readonly probe: ProbedMedia; readonly plan: EncodePlan }
