import type { TrackFormat } from '../../media/demux/media-packet.ts'
import type { TrackKind } from '../stream.ts'
import type { DecoderFormats } from './decoder-arguments.ts'
import {
  type BatchLimit,
  type FrameHandlers,
  type PacketBatch,
  type RunningDecoder,
  startDecoder,
} from './running-decoder.ts'

/** A decoder and those packets of a batch that it reads. */
export type DecoderTask = { readonly decoder: RunningDecoder; readonly batch: PacketBatch }

/** The running decoders of one rendition: one for both tracks, or one for each. */
export type DecoderSet = AsyncDisposable & {
  /**
   * Makes sure that decoders of these formats run. Old ones pass on what they hold back, and end. Returns whether the
   * picture's decoder is new.
   */
  prepare(formats: DecoderFormats, limit: BatchLimit): Promise<boolean>
  /** Assigns packets to their decoders. Decoders without any are left out. */
  assign(batch: PacketBatch): DecoderTask[]
  /** Ends a decoder. */
  retire(decoder: RunningDecoder, limit: BatchLimit): Promise<void>
  /** From now on each track has a decoder of its own. */
  split(): void
}

/** Creates a set without decoders. */
export function createDecoderSet(ffmpegPath: string, handlers: FrameHandlers): DecoderSet {
  const current: Record<TrackKind, RunningDecoder | null> = { picture: null, sound: null }
  let soundFormat: TrackFormat | null = null
  let isSplit = false

  const start = (formats: DecoderFormats) => startDecoder({ ffmpegPath, formats, handlers })
  const listRunning = () => [...new Set([current.picture, current.sound])].filter((decoder) => decoder !== null)

  async function retire(decoder: RunningDecoder, limit: BatchLimit): Promise<void> {
    if (decoder.isAlive()) await decoder.finish(limit)
    await decoder[Symbol.asyncDispose]()
    if (current.picture === decoder) current.picture = null
    if (current.sound === decoder) current.sound = null
  }

  async function startPicture(picture: TrackFormat, limit: BatchLimit): Promise<void> {
    for (const decoder of listRunning()) await retire(decoder, limit)
    const sound = isSplit ? null : soundFormat
    current.picture = start({ picture, sound })
    if (sound !== null) current.sound = current.picture
  }

  async function startSound(sound: TrackFormat, limit: BatchLimit): Promise<void> {
    const old = current.sound
    if (old !== null && old !== current.picture) await retire(old, limit)
    current.sound = start({ picture: null, sound })
  }

  return {
    async prepare({ picture, sound }, limit) {
      soundFormat = sound ?? soundFormat
      const isPictureNew = picture !== null && !serves(current.picture, 'picture', picture)
      if (isPictureNew) await startPicture(picture, limit)
      if (sound !== null && !serves(current.sound, 'sound', sound)) await startSound(sound, limit)
      return isPictureNew
    },
    assign({ picture, sound }) {
      return listRunning()
        .map((decoder) => ({
          decoder,
          batch: {
            picture: decoder === current.picture ? picture : [],
            sound: decoder === current.sound ? sound : [],
          },
        }))
        .filter(({ batch }) => batch.picture.length + batch.sound.length > 0)
    },
    retire,
    split() {
      isSplit = true
    },
    async [Symbol.asyncDispose]() {
      for (const decoder of listRunning()) await decoder[Symbol.asyncDispose]()
    },
  }
}

function serves(decoder: RunningDecoder | null, kind: TrackKind, format: TrackFormat): boolean {
  return decoder?.isAlive() === true && decoder.formats[kind]?.key === format.key
}
