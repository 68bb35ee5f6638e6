import { createBitReader } from '../../../media/demux/bit-reader.ts'

/** What a decoder's configuration says of the sound. */
export type AudioFormat = { readonly sampleRate: number; readonly channels: number }

/** ISO/IEC 14496-3 §1.6.3.4. */
const SAMPLE_RATES = [
  96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8000, 7350,
]
const EXPLICIT_RATE = 15
/** Channels by the channel configuration (ISO/IEC 14496-3 §1.6.3.5). */
const CHANNELS = [0, 1, 2, 3, 4, 5, 6, 8]
const OPUS_SAMPLE_RATE = 48_000

/** Returns the format by the decoder's configuration of AAC or Opus; `null` for other codecs. */
export function readAudioFormat(codec: string, configuration: Buffer): AudioFormat | null {
  if (codec === 'aac') return readAacFormat(configuration)
  // RFC 7845 §5.1: the channels stand behind the magic signature and the version.
  if (codec === 'opus') return { sampleRate: OPUS_SAMPLE_RATE, channels: configuration[9] ?? 2 }
  return null
}

/** Reads an AudioSpecificConfig (ISO/IEC 14496-3 §1.6.2.1). */
function readAacFormat(configuration: Buffer): AudioFormat {
  const bits = createBitReader(configuration)
  if (bits.readBits(5) === 31) bits.readBits(6)
  const index = bits.readBits(4)
  const sampleRate = index === EXPLICIT_RATE ? bits.readBits(24) : (SAMPLE_RATES[index] ?? 0)
  return { sampleRate, channels: CHANNELS[bits.readBits(4)] ?? 0 }
}
