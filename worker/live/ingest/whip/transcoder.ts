import { PROGRAM_LIMITS } from '../../../platform/program-limits.ts'
import { startProgram, type ProgramExit } from '../../../platform/start-program.ts'
import { createFlvReader } from '../../flv/flv-reader.ts'
import type { FlvTag } from '../../flv/flv-tag.ts'
import { buildTranscoderArguments } from './transcoder-arguments.ts'
import { composeWebmBlock, composeWebmHeader, WEBM_TRACK, type WebmBlock, type WebmTracks } from './webm-writer.ts'

/** Encodes tracks of a session that RTMP does not know: VP8 to H.264, Opus to AAC. Disposing of it ends it. */
export type Transcoder = AsyncDisposable & {
  /** Takes a frame. While the program falls behind, frames are left out. */
  write(block: WebmBlock): void
  /** Resolves with the reason where the program has ended by itself. */
  readonly failed: Promise<string>
}

export type TranscoderOptions = {
  readonly ffmpegPath: string
  readonly tracks: WebmTracks
  /** Receives tags of FLV with the times of the frames. */
  readonly onTag: (tag: FlvTag) => void
}

/** Bytes that wait for the program, at most: some seconds. */
const MAX_PENDING_BYTES = 4 * 1024 * 1024
const MAX_REASON_CHARS = 200

/** Starts ffmpeg for a session. */
export function startTranscoder({ ffmpegPath, tracks, onTag }: TranscoderOptions): Transcoder {
  const program = startProgram(ffmpegPath, buildTranscoderArguments(tracks), {
    pipes: 1,
    limits: PROGRAM_LIMITS.encoder,
  })
  let pendingBytes = 0
  let isSkippingVideo = false
  const send = (bytes: Buffer) => {
    pendingBytes += bytes.length
    void program.write(bytes).then(() => (pendingBytes -= bytes.length))
  }
  send(composeWebmHeader(tracks))
  return {
    write(block) {
      const isVideo = block.track === WEBM_TRACK.video
      if (pendingBytes > MAX_PENDING_BYTES) {
        isSkippingVideo ||= isVideo
        return
      }
      if (isVideo && isSkippingVideo && !block.isKey) return
      if (isVideo) isSkippingVideo = false
      send(composeWebmBlock(block))
    },
    failed: readOutput(),
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  }

  async function readOutput(): Promise<string> {
    const reader = createFlvReader()
    const [output = []] = program.pipes
    try {
      for await (const chunk of output) reader.read(Buffer.from(chunk)).forEach(onTag)
    } catch (error) {
      program.kill()
      return error instanceof Error ? error.message : String(error)
    }
    return describeEnd(await program.exited)
  }
}

function describeEnd(exit: ProgramExit): string {
  if (exit.kind === 'missing') return 'ffmpeg is not installed'
  if (exit.kind === 'killed') return `ffmpeg was ended by ${exit.signal}`
  return exit.stderr.trim().split('\n').at(-1)?.slice(0, MAX_REASON_CHARS) ?? 'ffmpeg ended'
}
