/** The video of an encoder, as it was probed. */
export type SourceVideo = {
  /** ffmpeg's names. */
  readonly codec: string
  readonly pixelFormat: string
  readonly width: number
  readonly height: number
  /** Width of a pixel divided by its height. */
  readonly pixelAspect: number
  readonly isInterlaced: boolean
  /** Its frames can be passed through, where players decode them. */
  readonly isCopyable: boolean
  /** Frames per second. */
  readonly frameRate: number
  /** Times of the first key frames, in ms of the session. */
  readonly keyFrameTimesMs: readonly number[]
}

/** The largest accepted picture: DCI 4K. Larger ones are refused before they are decoded. */
export const MAX_PIXELS = 4096 * 2304
