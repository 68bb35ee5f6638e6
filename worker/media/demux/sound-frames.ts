/**
 * Finds the frames of a sound stream by their headers: ADTS (ISO/IEC 14496-3 §1.A.3.2), LOAS (§1.7.2), MPEG audio
 * (ISO/IEC 11172-3 §2.4.1.3) and AC-3 (ETSI TS 102 366 §4.3 and §E.1.2). Bytes between frames are skipped, as players do.
 */

import { createFormat, inBand, type TrackFormat } from './media-packet.ts'
import { checkPacketCount } from './packet-limit.ts'

export type SoundCodec = 'aac' | 'aac_latm' | 'mp3' | 'ac3'

/** A frame as a range of the stream. `samples` is the number of samples of each channel. */
export type SoundFrame = {
  readonly from: number
  readonly to: number
  readonly samples: number
  readonly format: TrackFormat
}

/** The fields of a frame's header; `null` where the bytes are none. */
type FrameHeader = {
  readonly codec: string
  readonly codecId: string
  readonly bytes: number
  readonly samples: number
  readonly sampleRate: number
  readonly channels: number
  /** What else a decoder must be started anew for. */
  readonly profile: number
}
type HeaderReader = (bytes: Buffer, at: number) => FrameHeader | null

const READERS: Readonly<Record<SoundCodec, HeaderReader>> = {
  aac: readAdtsHeader,
  aac_latm: readLoasHeader,
  mp3: readMpegAudioHeader,
  ac3: readAc3Header,
}

/** First byte of each codec's frames. */
const FIRST_BYTE: Readonly<Record<SoundCodec, number>> = { aac: 0xff, aac_latm: 0x56, mp3: 0xff, ac3: 0x0b }

/**
 * Splits a stream into frames. An incomplete frame at its end is dropped. `pid` is part of the formats' keys.
 * @throws RangeError where there are more than a segment can have
 */
export function splitSoundFrames(bytes: Buffer, codec: SoundCodec, pid = 0): SoundFrame[] {
  const readHeader = READERS[codec]
  const frames: SoundFrame[] = []
  let isSynchronized = false
  let format: TrackFormat | null = null
  for (let at = 0; at >= 0 && at < bytes.length;) {
    const header = readHeader(bytes, at)
    const end = at + (header?.bytes ?? 0)
    if (header === null || !(isSynchronized || isFollowed(bytes, end, readHeader))) {
      isSynchronized = false
      at = findNext(bytes, at, codec)
    } else {
      if (end > bytes.length) break
      format = formatOf(header, pid, format)
      checkPacketCount(frames.push({ from: at, to: end, samples: header.samples, format }))
      isSynchronized = true
      at = end
    }
  }
  return frames
}

/** Reports whether a frame ends where another begins, or with the stream. */
function isFollowed(bytes: Buffer, end: number, readHeader: HeaderReader): boolean {
  return end === bytes.length || readHeader(bytes, end) !== null || isId3Tag(bytes, end)
}

/** Returns where the next frame may begin: after a tag, or at the next first byte of a header; -1 where there is none. */
function findNext(bytes: Buffer, at: number, codec: SoundCodec): number {
  return isId3Tag(bytes, at) ? at + id3TagBytes(bytes, at) : bytes.indexOf(FIRST_BYTE[codec], at + 1)
}

/** Reports whether an ID3 tag begins at a position (ID3v2 §3.1). */
export function isId3Tag(bytes: Buffer, at: number): boolean {
  return bytes[at] === 0x49 && bytes[at + 1] === 0x44 && bytes[at + 2] === 0x33 && at + 10 <= bytes.length
}

/** Returns the length of an ID3 tag: ten bytes, the last four of which hold its size, seven bits each (ID3v2 §3.1). */
export function id3TagBytes(bytes: Buffer, at: number): number {
  return bytes.subarray(at + 6, at + 10).reduce((size, byte) => (size << 7) | (byte & 0x7f), 0) + 10
}

function formatOf(header: FrameHeader, pid: number, before: TrackFormat | null): TrackFormat {
  const { codec, codecId, sampleRate, channels, profile } = header
  const key = `${codec}:${pid}:${profile}:${sampleRate}:${channels}`
  if (before?.key === key) return before
  const matroska = codec === 'aac_latm' ? { codecId, configuration: LATM_WAVE_FORMAT } : inBand(codecId)
  return createFormat({ codec, key, matroska, sampleRate, channels })
}

const AAC_RATES = [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8000, 7350]
const AAC_SAMPLES = 1024
const ADTS_HEADER_BYTES = 7

function readAdtsHeader(bytes: Buffer, at: number): FrameHeader | null {
  if (at + ADTS_HEADER_BYTES > bytes.length || (bytes.readUInt16BE(at) & 0xfff6) !== 0xfff0) return null
  const fields = bytes.readUInt32BE(at + 2)
  const sampleRate = AAC_RATES[(fields >>> 26) & 0xf]
  const length = (fields >>> 5) & 0x1fff
  if (sampleRate === undefined || length < ADTS_HEADER_BYTES) return null
  const blocks = (bytes.readUInt8(at + 6) & 3) + 1
  const channels = (fields >>> 22) & 7
  const profile = fields >>> 30
  const samples = AAC_SAMPLES * blocks
  return { codec: 'aac', codecId: 'A_AAC', bytes: length, samples, sampleRate, channels: channels || 2, profile }
}

/** WAVEFORMATEX with the tag of LOAS, by which ffmpeg finds the decoder. The decoder reads the rate in the stream. */
const LATM_WAVE_FORMAT = Buffer.from('0216020080bb000000000000000010000000', 'hex').subarray(0, 18)
LATM_WAVE_FORMAT.writeUInt16LE(0x1602, 0)
LATM_WAVE_FORMAT.writeUInt16LE(2, 2)

function readLoasHeader(bytes: Buffer, at: number): FrameHeader | null {
  if (at + 3 > bytes.length) return null
  const fields = bytes.readUIntBE(at, 3)
  if (fields >>> 13 !== 0x2b7) return null
  const shape = { samples: AAC_SAMPLES, sampleRate: 48_000, channels: 2, profile: 0 }
  return { codec: 'aac_latm', codecId: 'A_MS/ACM', bytes: 3 + (fields & 0x1fff), ...shape }
}

/** Bit rates in kbit/s of MPEG-1 layers 1 to 3, and of MPEG-2 layer 1 and layers 2 and 3. */
const MPEG1_RATES = [
  [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
  [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
  [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
] as const
const MPEG2_RATES = [
  [32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
  [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
] as const
const MPEG_SAMPLE_RATES = [44_100, 48_000, 32_000] as const

/** Divisors of the sample rate by version: MPEG-2.5, none, MPEG-2, MPEG-1. */
const RATE_DIVISORS = [4, null, 2, 1] as const
/** Samples of a frame by layer, of MPEG-1 and of the others. */
const MPEG1_SAMPLES = [384, 1152, 1152] as const
const MPEG2_SAMPLES = [384, 1152, 576] as const

/** Reads the fields on which all others of a header depend; `null` where they are reserved. */
function readMpegAudioVersion(fields: number) {
  const divisor = RATE_DIVISORS[(fields >>> 19) & 3] ?? null
  const baseRate = MPEG_SAMPLE_RATES[(fields >>> 10) & 3]
  const layer = 4 - ((fields >>> 17) & 3)
  const isMpeg1 = divisor === 1
  const samples = (isMpeg1 ? MPEG1_SAMPLES : MPEG2_SAMPLES)[layer - 1]
  const rates = isMpeg1 ? MPEG1_RATES[layer - 1] : MPEG2_RATES[layer === 1 ? 0 : 1]
  const isReserved = divisor === null || baseRate === undefined || samples === undefined
  return isReserved ? null : { layer, samples, rates, sampleRate: baseRate / divisor }
}

function readMpegAudioHeader(bytes: Buffer, at: number): FrameHeader | null {
  const fields = at + 4 > bytes.length ? 0 : bytes.readUInt32BE(at)
  const version = fields >>> 21 === 0x7ff ? readMpegAudioVersion(fields) : null
  const kbps = version?.rates?.[((fields >>> 12) & 0xf) - 1]
  if (version === null || kbps === undefined) return null
  const { layer, samples, sampleRate } = version
  const slot = layer === 1 ? 4 : 1
  const padding = (fields >>> 9) & 1
  const length = (Math.floor(((samples / 8 / slot) * kbps * 1000) / sampleRate) + padding) * slot
  const channels = ((fields >>> 6) & 3) === 3 ? 1 : 2
  return { codec: `mp${layer}`, codecId: `A_MPEG/L${layer}`, bytes: length, samples, sampleRate, channels, profile: 0 }
}

const AC3_SAMPLE_RATES = [48_000, 44_100, 32_000] as const
const AC3_KBPS = [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640] as const
const EAC3_BLOCKS = [1, 2, 3, 6] as const
const AC3_BLOCK_SAMPLES = 256

/** Reads a header of AC-3 or, where bsid is above 10, of Enhanced AC-3. */
function readAc3Header(bytes: Buffer, at: number): FrameHeader | null {
  if (at + 8 > bytes.length || bytes.readUInt16BE(at) !== 0x0b77) return null
  const bsid = bytes.readUInt8(at + 5) >> 3
  if (bsid > 10) return bsid <= 16 ? readEac3Header(bytes, at) : null
  const code = bytes.readUInt8(at + 4)
  const sampleRate = AC3_SAMPLE_RATES[code >> 6]
  const kbps = AC3_KBPS[(code & 0x3f) >> 1]
  if (sampleRate === undefined || kbps === undefined) return null
  const words = Math.floor((kbps * 96_000) / sampleRate) + (sampleRate === 44_100 ? code & 1 : 0)
  const mode = bytes.readUInt8(at + 6) >> 5
  const shape = { samples: 6 * AC3_BLOCK_SAMPLES, sampleRate, channels: 2, profile: mode }
  return { codec: 'ac3', codecId: 'A_AC3', bytes: 2 * words, ...shape }
}

function readEac3Header(bytes: Buffer, at: number): FrameHeader | null {
  const fields = bytes.readUInt32BE(at + 2)
  const rateCode = (fields >>> 14) & 3
  const halfRate = AC3_SAMPLE_RATES[(fields >>> 12) & 3]
  const sampleRate = rateCode === 3 ? (halfRate ?? 0) / 2 : (AC3_SAMPLE_RATES[rateCode] ?? 0)
  if (sampleRate === 0) return null
  const blocks = rateCode === 3 ? 6 : (EAC3_BLOCKS[(fields >>> 12) & 3] ?? 6)
  // A dependent substream adds channels to the frame before it and no time.
  const isDependent = fields >>> 30 === 1
  const samples = isDependent ? 0 : blocks * AC3_BLOCK_SAMPLES
  const shape = { samples, sampleRate, channels: 2, profile: 0 }
  return { codec: 'eac3', codecId: 'A_EAC3', bytes: 2 * (((fields >>> 16) & 0x7ff) + 1), ...shape }
}
