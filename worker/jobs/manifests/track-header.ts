import { bodyAt, boxesIn, findBody } from './boxes.ts'
import { aacCodec, av1Codec, avcCodec, hevcCodec } from './codec-strings.ts'

/** What a track's initialization segment says; times are in units of `timescale`. */
export type TrackHeader = {
  /** RFC 6381. */
  readonly codec: string
  readonly timescale: number
  /** Added to a sample's own time, it gives when the sample is shown: what the edit list does. */
  readonly shift: number
  /** Of a sample whose fragment says nothing else. */
  readonly defaultSampleDuration: number
}

/** How many bytes of a sample entry stand before the boxes in it. */
const VISUAL_ENTRY_BYTES = 78
const AUDIO_ENTRY_BYTES = 28

/** Reads an initialization segment of one track. Throws a `RangeError` where something is missing or unknown. */
export function readTrackHeader(init: Buffer): TrackHeader {
  const moov = bodyAt(init, 'moov')
  const mdhd = bodyAt(moov, 'trak', 'mdia', 'mdhd')
  const timescale = mdhd.readUInt32BE(mdhd.readUInt8(0) === 1 ? 20 : 12)
  return {
    codec: codecOf(bodyAt(moov, 'trak', 'mdia', 'minf', 'stbl', 'stsd')),
    timescale,
    shift: readShift(moov, timescale),
    defaultSampleDuration: bodyAt(moov, 'mvex', 'trex').readUInt32BE(12),
  }
}

function codecOf(stsd: Buffer): string {
  const [entry] = boxesIn(stsd.subarray(8))
  if (entry === undefined) throw new RangeError('holds no sample entry')
  switch (entry.type) {
    case 'avc1':
      return avcCodec(bodyAt(entry.body.subarray(VISUAL_ENTRY_BYTES), 'avcC').subarray(1))
    case 'hvc1':
      return hevcCodec(bodyAt(entry.body.subarray(VISUAL_ENTRY_BYTES), 'hvcC').subarray(1))
    case 'av01':
      return av1Codec(bodyAt(entry.body.subarray(VISUAL_ENTRY_BYTES), 'av1C'))
    case 'mp4a':
      return aacCodec(audioObjectType(bodyAt(entry.body.subarray(AUDIO_ENTRY_BYTES), 'esds')))
    default:
      throw new RangeError(`holds ${entry.type}, which no preset makes`)
  }
}

/** Tags of the descriptors in an esds box (ISO/IEC 14496-1 §7.2.2), and how long each is before those within it. */
const DESCRIPTORS = [
  { tag: 3, bytes: 3 },
  { tag: 4, bytes: 13 },
  { tag: 5, bytes: 0 },
]

/** The first five bits of the decoder's own configuration. */
function audioObjectType(esds: Buffer): number {
  let rest = esds.subarray(4)
  for (const { tag, bytes } of DESCRIPTORS) {
    if (rest.readUInt8(0) !== tag) throw new RangeError('has an esds box that makes no sense')
    // The length has seven bits a byte; the last byte of it has the eighth bit clear.
    const lengthEnd = rest.findIndex((byte, at) => at > 0 && byte < 0x80)
    rest = rest.subarray(lengthEnd + 1 + bytes)
  }
  return rest.readUInt8(0) >> 3
}

/** Empty edits delay a track, the first other one says which sample time is shown first (ISO/IEC 14496-12 §8.6.6). */
function readShift(moov: Buffer, timescale: number): number {
  const elst = findBody(moov, 'trak', 'edts', 'elst')
  if (elst === null) return 0
  const mvhd = bodyAt(moov, 'mvhd')
  const movieTimescale = mvhd.readUInt32BE(mvhd.readUInt8(0) === 1 ? 20 : 12)
  const edits = readEdits(elst)
  const first = edits.findIndex(({ mediaTime }) => mediaTime >= 0)
  const delays = edits.slice(0, Math.max(0, first))
  const delay = delays.reduce((sum, { duration }) => sum + duration, 0)
  return Math.round((delay * timescale) / movieTimescale) - (edits[first]?.mediaTime ?? 0)
}

function readEdits(elst: Buffer): { duration: number; mediaTime: number }[] {
  const isLong = elst.readUInt8(0) === 1
  return Array.from({ length: elst.readUInt32BE(4) }, (_, index) => {
    const at = 8 + index * (isLong ? 20 : 12)
    if (!isLong) return { duration: elst.readUInt32BE(at), mediaTime: elst.readInt32BE(at + 4) }
    return { duration: Number(elst.readBigUInt64BE(at)), mediaTime: Number(elst.readBigInt64BE(at + 8)) }
  })
}
