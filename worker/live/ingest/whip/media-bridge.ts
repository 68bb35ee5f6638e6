import { TAG_TYPE, type FlvTag } from '../../flv/flv-tag.ts'
import { readVp8Size } from './assemble-vp8.ts'
import { composeAvcFrame, composeAvcHeader, findAvcParameters } from './avc-tags.ts'
import { startTranscoder, type Transcoder } from './transcoder.ts'
import type { ReceivedFrame } from './video-frame.ts'
import { WEBM_TRACK, type WebmTracks } from './webm-writer.ts'

/** Turns the frames of a session to tags of FLV. Disposing of it ends its programs. */
export type MediaBridge = AsyncDisposable & {
  takeVideo(frame: ReceivedFrame, timeMs: number): void
  takeAudio(data: Buffer, timeMs: number): void
}

export type MediaBridgeOptions = {
  readonly codec: 'h264' | 'vp8'
  readonly ffmpegPath: string
  readonly onTag: (tag: FlvTag) => void
  /** Called where nothing more can come, with the reason. */
  readonly onFailure: (reason: string) => void
}

/**
 * Creates the bridge of a session. H.264 is passed on as it is. VP8 and sound go through an ffmpeg each, which begins with the
 * first frame: one for both would write nothing until both have come, and an offered track may never send.
 */
export function createMediaBridge(options: MediaBridgeOptions): MediaBridge {
  const { codec, onTag, onFailure } = options
  let picture: Transcoder | null = null
  let sound: Transcoder | null = null
  let header: Buffer | null = null

  function start(tracks: WebmTracks): Transcoder {
    const { ffmpegPath } = options
    const started = startTranscoder({ ffmpegPath, tracks, onTag: (tag) => tag.type !== TAG_TYPE.script && onTag(tag) })
    void started.failed.then((reason) => onFailure(`the sound or the picture cannot be encoded: ${reason}`))
    return started
  }

  function takeH264({ units, isKey }: ReceivedFrame, timestampMs: number): void {
    const parameters = isKey ? findAvcParameters(units) : null
    const next = parameters === null ? header : composeAvcHeader(parameters)
    if (next === null) return
    if (header?.equals(next) !== true) onTag({ type: TAG_TYPE.video, timestampMs, body: next })
    header = next
    const body = composeAvcFrame(units, isKey)
    if (body !== null) onTag({ type: TAG_TYPE.video, timestampMs, body })
  }

  function takeVp8({ units, isKey }: ReceivedFrame, timeMs: number): void {
    const data = Buffer.concat(units)
    if (picture === null) {
      const size = readVp8Size(data)
      if (size === null) return
      picture = start({ video: size, hasAudio: false })
    }
    picture.write({ track: WEBM_TRACK.video, timeMs, isKey, data })
  }

  function takeAudio(data: Buffer, timeMs: number): void {
    sound ??= start({ video: null, hasAudio: true })
    sound.write({ track: WEBM_TRACK.audio, timeMs, isKey: true, data })
  }

  return {
    takeVideo: codec === 'h264' ? takeH264 : takeVp8,
    takeAudio,
    async [Symbol.asyncDispose]() {
      await Promise.all([picture?.[Symbol.asyncDispose](), sound?.[Symbol.asyncDispose]()])
    },
  }
}
