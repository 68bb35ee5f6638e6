import type { OutputPlan } from './output-plan.ts'

/**
 * How the source is read and laid onto the output's clock. A time in the source becomes one in the output in two steps:
 * ffmpeg takes the file's start for 0, wherever it begins to read, then `shiftSec` is taken off.
 */
export type Reading = {
  /** Where reading may begin at the latest, counted from the file's start; `null`: at the start itself. */
  readonly seekSec: number | null
  readonly shiftSec: number
  readonly picture: {
    /** Of the track in the source: `0:INDEX` to ffmpeg. */
    readonly index: number
    /** Where on the output's grid a chunk's frames begin, which is made of a piece of the source; `null`: all of it. */
    readonly chunk: { readonly firstFrame: number } | null
    /** So many frames of the grid lie before the output's first: what a clip begins in may have begun in them. */
    readonly leadFrames: number
    /** As many frames the output has, each rendition alike. */
    readonly frames: number
    /** So often the last frame may be repeated, where the source's picture ends before its sound. */
    readonly padFrames: number
    /** The source's colours where they are tone-mapped, as ffmpeg's zscale names them. */
    readonly hdr: { readonly transfer: string; readonly primaries: string; readonly matrix: string } | null
    /** The source's picture is RGB, and has no matrix of its own. */
    readonly isRgb: boolean
    /** How ffmpeg turns what it reads, where that has to be undone for a while: degrees, clockwise, and mirrored or not. */
    readonly turn: { readonly rotation: number; readonly isMirrored: boolean } | null
  } | null
  readonly sound: {
    readonly index: number
    /** What lies before the output's 0 is no part of it, and may be long. */
    readonly isCut: boolean
    /** So much silence may be added, where the source's sound ends before its picture. */
    readonly padSec: number
    /** It is all that is in the output, up to its own end: neither cut nor made longer, as its length may be a guess. */
    readonly isWhole: boolean
    /** The source has more channels than the output. */
    readonly isMixedDown: boolean
  } | null
}

/** An output, and how it comes out of its source. */
export type EncodePlan = OutputPlan & { readonly reading: Reading }
