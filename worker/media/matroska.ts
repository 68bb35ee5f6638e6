/**
 * Writes a live Matroska stream (RFC 9559) that a demuxer reads packet by packet: unlike a transport stream, each
 * packet has a size, so that none is held back until the next one begins.
 */

import type { TrackFormat } from './demux/media-packet.ts'

/** A track to write; its number is its position, from 1 on. */
export type MatroskaTrack = { readonly kind: 'picture' | 'sound'; readonly format: TrackFormat }

/** A packet; `ms` is its presentation time. */
export type MatroskaBlock = {
  readonly track: number
  readonly ms: number
  readonly isKey: boolean
  readonly bytes: Buffer
}

const ID = {
  ebml: 0x1a45dfa3,
  segment: 0x18538067,
  info: 0x1549a966,
  tracks: 0x1654ae6b,
  cluster: 0x1f43b675,
} as const

/** A block's time is a signed number of 16 bits after its cluster's. */
const MAX_CLUSTER_MS = 30_000
const UNKNOWN_SIZE = Buffer.from('01ffffffffffffff', 'hex')
const PICTURE_TRACK = 1
const SOUND_TRACK = 2

/** Returns the start of a stream with these tracks, whose clusters follow without end. */
export function writeMatroskaStart(tracks: readonly MatroskaTrack[]): Buffer {
  const ebml = [uint(0x4286, 1), uint(0x42f7, 1), uint(0x42f2, 4), uint(0x42f3, 8)]
  const docType = [text(0x4282, 'matroska'), uint(0x4287, 4), uint(0x4285, 2)]
  const info = [uint(0x2ad7b1, 1_000_000), text(0x4d80, 'tallylight'), text(0x5741, 'tallylight')]
  return Buffer.concat([
    element(ID.ebml, ...ebml, ...docType),
    idBytes(ID.segment),
    UNKNOWN_SIZE,
    element(ID.info, ...info),
    element(ID.tracks, ...tracks.map(writeTrack)),
  ])
}

function writeTrack({ kind, format }: MatroskaTrack, index: number): Buffer {
  const { matroska } = format
  const configuration = matroska?.configuration ?? null
  return element(
    0xae,
    uint(0xd7, index + 1),
    uint(0x73c5, index + 1),
    uint(0x9c, 0),
    uint(0x83, kind === 'picture' ? PICTURE_TRACK : SOUND_TRACK),
    text(0x86, matroska?.codecId ?? ''),
    ...(configuration === null ? [] : [element(0x63a2, configuration)]),
    kind === 'picture' ? writePictureSettings(format) : writeSoundSettings(format),
  )
}

/** A demuxer refuses a picture or sound without these; the decoder finds out what they are. */
const UNKNOWN_SIDE = 16
const UNKNOWN_RATE = 48_000
const UNKNOWN_CHANNELS = 2

function writePictureSettings({ width, height }: TrackFormat): Buffer {
  return element(0xe0, uint(0xb0, width || UNKNOWN_SIDE), uint(0xba, height || UNKNOWN_SIDE))
}

function writeSoundSettings({ sampleRate, channels, bitDepth }: TrackFormat): Buffer {
  const settings = [float(0xb5, sampleRate || UNKNOWN_RATE), uint(0x9f, channels || UNKNOWN_CHANNELS)]
  return element(0xe1, ...settings, ...(bitDepth === 0 ? [] : [uint(0x6264, bitDepth)]))
}

/** Writes packets in clusters, in their order. */
export function writeMatroskaBlocks(blocks: readonly MatroskaBlock[]): Buffer {
  const clusters: Buffer[] = []
  let open: MatroskaBlock[] = []
  let [fromMs, toMs] = [Infinity, -Infinity]
  for (const block of blocks) {
    const [low, high] = [Math.min(fromMs, block.ms), Math.max(toMs, block.ms)]
    if (high - low > MAX_CLUSTER_MS) {
      clusters.push(writeCluster(open, fromMs))
      open = []
      ;[fromMs, toMs] = [block.ms, block.ms]
    } else {
      ;[fromMs, toMs] = [low, high]
    }
    open.push(block)
  }
  if (open.length > 0) clusters.push(writeCluster(open, fromMs))
  return Buffer.concat(clusters)
}

function writeCluster(blocks: readonly MatroskaBlock[], ms: number): Buffer {
  const simpleBlocks = blocks.flatMap((block) => {
    const header = Buffer.alloc(4)
    header.writeUInt8(0x80 | block.track, 0)
    header.writeInt16BE(block.ms - ms, 1)
    header.writeUInt8(block.isKey ? 0x80 : 0, 3)
    return [idBytes(0xa3), sizeBytes(header.length + block.bytes.length), header, block.bytes]
  })
  return element(ID.cluster, uint(0xe7, ms), ...simpleBlocks)
}

function element(id: number, ...content: readonly Buffer[]): Buffer {
  const size = content.reduce((sum, { length }) => sum + length, 0)
  return Buffer.concat([idBytes(id), sizeBytes(size), ...content])
}

/** Returns the bytes of an identifier, which carries its own length (RFC 8794 §5). */
function idBytes(id: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(id)
  const first = bytes.findIndex((byte) => byte !== 0)
  return bytes.subarray(first)
}

/** Returns a size in eight bytes (RFC 8794 §4). */
function sizeBytes(size: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(size))
  bytes.writeUInt8(1, 0)
  return bytes
}

function uint(id: number, value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return element(id, bytes)
}

function float(id: number, value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleBE(value)
  return element(id, bytes)
}

function text(id: number, value: string): Buffer {
  return element(id, Buffer.from(value))
}
