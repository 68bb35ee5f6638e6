import { createLineReader } from '../../platform/line-reader.ts'
import { SMALL_PICTURE_BYTES } from './decoder-arguments.ts'

/** Receives what a decoder prints. Times are those of the packets, in ms. */
export type DecoderOutputHandlers = {
  /** A picture: the share of its dark pixels in per cent, and its small copy, which is valid during the call only. */
  readonly onPicture: (ms: number, blackPercent: number, small: Uint8Array) => void
  /** A frame of sound: its samples, interleaved, which are valid during the call only. */
  readonly onSound: (ms: number, samples: Int16Array) => void
  /** The end of a batch. */
  readonly onMarker: (ms: number) => void
}

/** Takes the bytes of a decoder's pipes in chunks of any size. */
export type DecoderOutputReader = {
  takeText(bytes: Buffer): void
  takePictures(bytes: Buffer): void
  takeSamples(bytes: Buffer): void
  /** Reports whether a frame was announced whose bytes have not arrived. */
  isIncomplete(): boolean
}

/** A line of the filter `metadata`, and its value on the line that follows. */
const FRAME = /^frame:\d+ +pts:(-?\d+)/
const BLACK = /^lavfi\.blackframe\.pblack=(\d+)/
/** Lines of the format `framecrc`: stream, decode time, time, duration, size. */
const PACKET = /^0, *-?\d+, *(-?\d+), *\d+, *(\d+)/
const TIME_BASE = /^#tb 0: 1\/(\d+)/
const CODEC = /^#codec_id 0: (\w+)/
const SOUND_CODEC = 'pcm_s16le'
const MARKER_BYTES = 1

type Announced<Value> = { readonly ms: number; readonly value: Value }

/** Creates a reader of what `buildDecoderArguments` makes ffmpeg print. */
export function createDecoderOutputReader(handlers: DecoderOutputHandlers): DecoderOutputReader {
  const pictures: Announced<number>[] = []
  const sounds: Announced<number>[] = []
  const small = createByteQueue()
  const samples = createByteQueue()
  let frameMs = 0
  let timeBase = 1000
  let soundTicksPerSec = 1000

  function matchPictures(): void {
    for (; pictures[0] !== undefined && small.length() >= SMALL_PICTURE_BYTES; pictures.shift()) {
      handlers.onPicture(pictures[0].ms, pictures[0].value, small.take(SMALL_PICTURE_BYTES))
    }
  }

  function matchSounds(): void {
    for (; sounds[0] !== undefined && samples.length() >= sounds[0].value; sounds.shift()) {
      const bytes = samples.take(sounds[0].value)
      handlers.onSound(sounds[0].ms, new Int16Array(bytes.buffer, 0, bytes.length >> 1))
    }
  }

  function takePacket(ticks: number, size: number): void {
    if (size === MARKER_BYTES) handlers.onMarker(ticks)
    else sounds.push({ ms: Math.round((ticks * 1000) / soundTicksPerSec), value: size })
  }

  function takeHeader(line: string): void {
    timeBase = Number(TIME_BASE.exec(line)?.[1] ?? timeBase)
    if (CODEC.exec(line)?.[1] === SOUND_CODEC) soundTicksPerSec = timeBase
  }

  const takeLine = createLineReader((line) => {
    if (line.startsWith('#')) return takeHeader(line)
    const packet = PACKET.exec(line)
    if (packet !== null) return takePacket(Number(packet[1]), Number(packet[2]))
    frameMs = Number(FRAME.exec(line)?.[1] ?? frameMs)
    const black = BLACK.exec(line)
    if (black !== null) pictures.push({ ms: frameMs, value: Number(black[1]) })
  })

  return {
    takeText(bytes) {
      takeLine(bytes.toString('latin1'))
      matchPictures()
      matchSounds()
    },
    takePictures(bytes) {
      small.append(bytes)
      matchPictures()
    },
    takeSamples(bytes) {
      samples.append(bytes)
      matchSounds()
    },
    isIncomplete: () => pictures.length > 0 || sounds.length > 0,
  }
}

/** Bytes that arrive in chunks and are taken in others. */
type ByteQueue = {
  length(): number
  append(bytes: Buffer): void
  /** Takes bytes from the start. They are aligned for samples of 16 bits. */
  take(count: number): Uint8Array
}

function createByteQueue(): ByteQueue {
  let chunks: Buffer[] = []
  let length = 0
  return {
    length: () => length,
    append(bytes) {
      chunks.push(bytes)
      length += bytes.length
    },
    take(count) {
      const taken = new Uint8Array(count)
      let filled = 0
      let used = 0
      for (; filled < count; used++) {
        const chunk = chunks[used] ?? Buffer.alloc(0)
        const part = chunk.subarray(0, count - filled)
        taken.set(part, filled)
        filled += part.length
        if (part.length < chunk.length) {
          chunks[used] = chunk.subarray(part.length)
          break
        }
      }
      if (used > 0) chunks = chunks.slice(used)
      length -= count
      return taken
    },
  }
}
