import type { Container, OutputType, VideoCodec } from '../../shared/contract/presets.ts'

/** A fraction, as frame rates are: 30000/1001. */
export type Rational = { readonly num: number; readonly den: number }

/** One size of the output. */
export type PlannedRendition = {
  /** The N of `stream_N.m3u8`, `segment_N_NNN.ts`, `init_N.m4s`: 0 is the tallest. */
  readonly index: number
  readonly width: number
  readonly height: number
  /** Quality on the encoder's scale, or average bit rate: one of the two is `null`. */
  readonly crf: number | null
  readonly kbps: number | null
}

/** All that is decided before ffmpeg runs: what a preset makes of this one source. */
export type OutputPlan = {
  readonly container: Container
  /** What was asked for, and so what a reader opens, of a set that is more than that. */
  readonly outputType: OutputType
  /** `null`: there is no picture, in the source or in the preset. */
  readonly video: {
    readonly codec: VideoCodec
    readonly speed: string
    /** Constant: what has a variable frame rate is brought to it. */
    readonly fps: Rational
    /** Frames from one key frame to the next, all closed GOPs; segments hold a whole number of them. */
    readonly gopFrames: number
    readonly renditions: readonly [PlannedRendition, ...PlannedRendition[]]
    readonly isDeinterlaced: boolean
    readonly isToneMapped: boolean
  } | null
  /** `null`: there is no sound, in the source or in the preset. */
  readonly audio: { readonly kbps: number; readonly channels: 1 | 2; readonly sampleRate: number } | null
  /** The source has sound, so that an output of a preset with sound must have it too. */
  readonly sourceHasAudio: boolean
  /** Of a segment; `null` where there are none. */
  readonly segmentSec: number | null
  /** Of the output: the source's, or the clip's. */
  readonly durationSec: number
  /** Where in the source it begins. */
  readonly startSec: number
}

/** What a worker has made, in its folder: the names are those in the store, below the output's path. */
export type OutputSet = {
  readonly dir: string
  /** Every file, those that others refer to first: playlists and manifests stand last, the entry at the end. */
  readonly files: readonly string[]
  /** What a reader opens: `master.m3u8`, `manifest.mpd`, or the one file. */
  readonly entry: string
}

/** Names of playlists and manifests, which go up last and are not cached. */
export function isPlaylist(name: string): boolean {
  return /\.(?:m3u8|mpd)$/.test(name)
}
