import { findBoxBody, parseBoxes, requireBoxBody } from './boxes.ts'
import { aacCodecString, av1CodecString, avcCodecString, hevcCodecString } from './codec-strings.ts'

/** Contents of a track's initialization segment; times are in units of `timescale`. */
export type TrackHeader = {
  /** RFC 6381. */
  readonly codec: string
  readonly timescale: number
  /** Offset from a sample's composition time to its presentation time, by the edit list. */
  readonly presentationOffset: number
  /** Duration of samples whose fragment has none. */
  readonly defaultSampleDuration: number
}

/** Sizes of the fields of a sample entry that precede its boxes. */
const VISUAL_ENTRY_BYTES = 78
const AUDIO_ENTRY_BYTES = 28

/**
 * Reads the initialization segment of a single track.
 * @throws RangeError where a box is missing or unknown
 */
export function readTrackHeader(init: Buffer): TrackHeader {
  const moov = requireBoxBody(init, 'moov')
  const timescale = readTimescale(requireBoxBody(moov, 'trak', 'mdia', 'mdhd'))
  return {
    codec: readCodec(requireBoxBody(moov, 'trak', 'mdia', 'minf', 'stbl', 'stsd')),
    timescale,
    presentationOffset: readPresentationOffset(moov, timescale),
    defaultSampleDuration: requireBoxBody(moov, 'mvex', 'trex').readUInt32BE(12),
  }
}

/** Reads the timescale of an mdhd or mvhd box (ISO/IEC 14496-12 §8.2.2 and §8.4.2). */
function readTimescale(header: Buffer): number {
  return header.readUInt32BE(header.readUInt8(0) === 1 ? 20 : 12)
}

function readCodec(stsd: Buffer): string {
  const [entry] = parseBoxes(stsd.subarray(8))
  if (entry === undefined) throw new RangeError('has no sample entry')
  switch (entry.type) {
    case 'avc1':
      return avcCodecString(requireBoxBody(entry.body.subarray(VISUAL_ENTRY_BYTES), 'avcC').subarray(1))
    case 'hvc1':
      return hevcCodecString(requireBoxBody(entry.body.subarray(VISUAL_ENTRY_BYTES), 'hvcC').subarray(1))
    case 'av01':
      return av1CodecString(requireBoxBody(entry.body.subarray(VISUAL_ENTRY_BYTES), 'av1C'))
    case 'mp4a':
      return aacCodecString(readAudioObjectType(requireBoxBody(entry.body.subarray(AUDIO_ENTRY_BYTES), 'esds')))
    default:
      throw new RangeError(`has a sample entry of type ${entry.type}, which no preset produces`)
  }
}

/** Nested descriptors of an esds box (ISO/IEC 14496-1 §7.2.2): tag, and size of the fields before the next descriptor. */
const ESDS_DESCRIPTORS = [
  { tag: 3, bytes: 3 },
  { tag: 4, bytes: 13 },
  { tag: 5, bytes: 0 },
]

/** Reads the audio object type: the first five bits of the decoder-specific configuration. */
function readAudioObjectType(esds: Buffer): number {
  let rest = esds.subarray(4)
  for (const { tag, bytes } of ESDS_DESCRIPTORS) {
    if (rest.readUInt8(0) !== tag) throw new RangeError('has an invalid esds box')
    // The length has seven bits per byte; the eighth bit is set in all bytes but the last.
    const lengthEnd = rest.findIndex((byte, at) => at > 0 && byte < 0x80)
    rest = rest.subarray(lengthEnd + 1 + bytes)
  }
  return rest.readUInt8(0) >> 3
}

/**
 * Reads the presentation offset from the edit list (ISO/IEC 14496-12 §8.6.6). Leading empty edits delay the track; the
 * first other edit has the composition time that is presented first.
 */
function readPresentationOffset(moov: Buffer, timescale: number): number {
  const elst = findBoxBody(moov, 'trak', 'edts', 'elst')
  if (elst === null) return 0
  const movieTimescale = readTimescale(requireBoxBody(moov, 'mvhd'))
  const edits = readEdits(elst)
  const first = edits.findIndex(({ mediaTime }) => mediaTime >= 0)
  const emptyEdits = edits.slice(0, Math.max(0, first))
  const delay = emptyEdits.reduce((sum, { duration }) => sum + duration, 0)
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
