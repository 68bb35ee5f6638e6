import { demuxFragmentedMp4, isMp4, toBuffer } from './fragmented-mp4.ts'
import type { DemuxedSegment, MediaPacket } from './media-packet.ts'
import { id3TagBytes, isId3Tag, type SoundCodec, splitSoundFrames } from './sound-frames.ts'
import { demuxTransportStream, type TransportContext } from './transport-stream.ts'
import { findTransportStream } from './transport-packets.ts'

/** A fetched segment; `map` is the initialization section that precedes it (EXT-X-MAP), or `null`. */
export type MediaSegment = { readonly bytes: Uint8Array; readonly map: Uint8Array | null }

/** `context` is for the next segment of the rendition. */
export type DemuxResult =
  | { readonly kind: 'demuxed'; readonly media: DemuxedSegment; readonly context: TransportContext | null }
  | { readonly kind: 'other'; readonly problem: string }

/**
 * Demultiplexes a segment (RFC 8216 §3) by its content: fMP4, packed audio, or a transport stream that may follow bytes
 * of another kind.
 */
export function demuxSegment({ bytes, map }: MediaSegment, before: TransportContext | null): DemuxResult {
  try {
    return demux(toBuffer(bytes), map, before)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    // Messages of our own are sentences without a subject; those of Buffer are not.
    const problem = /^(?:has|is) /.test(error.message) ? error.message : 'is damaged'
    return { kind: 'other', problem: `segment ${problem}` }
  }
}

function demux(bytes: Buffer, map: MediaSegment['map'], before: TransportContext | null): DemuxResult {
  if (bytes.length === 0) return { kind: 'other', problem: 'segment is empty' }
  if (isMp4(bytes)) {
    return { kind: 'demuxed', media: demuxFragmentedMp4(bytes, map === null ? null : toBuffer(map)), context: null }
  }
  const transportAt = findTransportStream(bytes)
  if (transportAt === 0) return demuxTransport(bytes, before)
  // Packets after other bytes may hold what looks like sound, and sound after tags what looks like packets.
  const packed = demuxPackedAudio(bytes, transportAt === null ? MAX_JUNK_BYTES : 0)
  if (packed !== null) return { kind: 'demuxed', media: packed, context: null }
  if (transportAt !== null) return demuxTransport(bytes, before)
  return { kind: 'other', problem: describeOther(bytes) }
}

function demuxTransport(bytes: Buffer, before: TransportContext | null): DemuxResult {
  const { context, ...media } = demuxTransportStream(bytes, before)
  return { kind: 'demuxed', media, context }
}

/** Sync words of packed audio (RFC 8216 §3.4). The mask of ADTS includes its layer, which is always 0. */
const SYNC_WORDS = [
  { mask: 0xfff6, word: 0xfff0, codec: 'aac' },
  { mask: 0xffe0, word: 0xffe0, codec: 'mp3' },
  { mask: 0xffe0, word: 0x56e0, codec: 'aac_latm' },
  { mask: 0xffff, word: 0x0b77, codec: 'ac3' },
] as const

function identifyPackedAudio(bytes: Buffer, at: number): SoundCodec | null {
  const start = at + 2 > bytes.length ? 0 : bytes.readUInt16BE(at)
  return SYNC_WORDS.find(({ mask, word }) => (start & mask) === word)?.codec ?? null
}

/** Longest junk between tags and the first frame. */
const MAX_JUNK_BYTES = 16 * 1024

/** Demultiplexes frames after any number of ID3 tags and some other bytes; `null` if there are none. */
function demuxPackedAudio(bytes: Buffer, maxJunkBytes: number): DemuxedSegment | null {
  let at = 0
  while (isId3Tag(bytes, at)) at += id3TagBytes(bytes, at)
  const end = Math.min(bytes.length, at + maxJunkBytes + 1)
  for (const tried = new Set<SoundCodec>(); at < end; at++) {
    const codec = identifyPackedAudio(bytes, at)
    if (codec === null || tried.has(codec)) continue
    tried.add(codec)
    const rest = bytes.subarray(at)
    const frames = splitSoundFrames(rest, codec)
    const isWhole = frames.length > 1 || frames[0]?.to === rest.length
    if (frames[0]?.from === 0 && isWhole) return toPackedSegment(rest, frames)
  }
  return null
}

function toPackedSegment(bytes: Buffer, frames: ReturnType<typeof splitSoundFrames>): DemuxedSegment {
  let nextSec = 0
  const packets = frames.map(({ from, to, samples, format }): MediaPacket => {
    const sec = nextSec
    nextSec += samples / format.sampleRate
    return { sec, isKey: true, isIndependent: true, bytes: bytes.subarray(from, to), format }
  })
  const isCut = frames.at(-1)?.to !== bytes.length
  return { picture: { packets: [], isDeclared: false }, sound: { packets, isDeclared: true }, isCut }
}

function describeOther(bytes: Buffer): string {
  const start = bytes.toString('latin1', 0, 64).trimStart()
  if (start.startsWith('#EXTM3U')) return 'segment is a playlist'
  if (start.startsWith('<')) return 'segment is a page, not media'
  return 'segment is in no known media format'
}
