import type { Container, OutputType, VideoCodec } from '../../../shared/contract/presets.ts'

/** Frames per second as a fraction, for example 30000/1001. */
export type FrameRate = { readonly num: number; readonly den: number }

/** One rendition of the output. */
export type PlannedRendition = {
  /** The N of `stream_N.m3u8`, `segment_N_NNN.ts` and `init_N.m4s`; 0 is the tallest. */
  readonly index: number
  readonly width: number
  readonly height: number
  /** Constant quality on the encoder's scale; `null` where `kbps` is set. */
  readonly crf: number | null
  /** Average bit rate; `null` where `crf` is set. */
  readonly kbps: number | null
}

/** The video of an output. */
export type OutputVideo = {
  readonly codec: VideoCodec
  /** Name of the encoder's speed preset. */
  readonly speed: string
  /** Constant; an input with a variable frame rate is converted to it. */
  readonly fps: FrameRate
  /** Frames per GOP. All GOPs are closed, and a segment holds a whole number of them. */
  readonly gopFrames: number
  readonly renditions: readonly [PlannedRendition, ...PlannedRendition[]]
  readonly isDeinterlaced: boolean
  readonly isToneMapped: boolean
}

/** A fault of the input that the output makes up for, as a warning of the validation. */
export type InputProblem = { readonly code: 'INPUT_TRUNCATED' | 'INPUT_DURATION_WRONG'; readonly message: string }

/** Everything about an output that is decided before ffmpeg runs: one preset, applied to one input. */
export type OutputPlan = {
  readonly container: Container
  /** The requested type. A CMAF set serves two types; this one decides which of its playlists is the entry. */
  readonly outputType: OutputType
  /** `null` where the input or the preset has no video. */
  readonly video: OutputVideo | null
  /** `null` where the input or the preset has no audio. */
  readonly audio: { readonly kbps: number; readonly channels: 1 | 2; readonly sampleRate: number } | null
  /** The input has audio; an output of a preset with audio must then have audio too. */
  readonly inputHasAudio: boolean
  /** Why the output lacks a track of the preset although the input has one: nothing of it can be decoded. */
  readonly leftOut: { readonly video: string | null; readonly audio: string | null }
  readonly inputProblem: InputProblem | null
  /** Requested segment length; `null` for a single file. */
  readonly segmentSec: number | null
  /** Duration of the output: that of the input, or of the clip. */
  readonly durationSec: number
  /** Where in the input the output begins. */
  readonly startSec: number
}

/** The files of an output in a local folder. Each name is also the name in the store, below the output's path. */
export type OutputSet = {
  readonly dir: string
  /** Names of all files. A file stands after the files that it refers to: playlists and manifests last, then the entry. */
  readonly files: readonly string[]
  /** The file that a player opens: `master.m3u8`, `manifest.mpd`, or the single file. */
  readonly entry: string
}

/** Returns whether a file is a playlist or a manifest; these are uploaded last and are not cached. */
export function isPlaylist(name: string): boolean {
  return /\.(?:m3u8|mpd)$/.test(name)
}
