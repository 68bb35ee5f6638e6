import { parseBoxes, requireBoxBody } from './boxes.ts'
import { aacCodecString, av1CodecString, avcCodecString, hevcCodecString } from './codec-strings.ts'

/** What a track's sample entry declares. */
export type SampleEntry = {
  /** RFC 6381. */
  readonly codec: string
  /** Size of the picture; `null` of a sound track. */
  readonly size: { readonly width: number; readonly height: number } | null
}

/** Sizes of the fields of a sample entry that precede its boxes. */
const VISUAL_ENTRY_BYTES = 78
const AUDIO_ENTRY_BYTES = 28

/**
 * Reads the first sample entry of an stsd box (ISO/IEC 14496-12 §8.5.2, §12.1.3 and §12.2.3).
 * @throws RangeError where it is missing, truncated, or of another type
 */
export function readSampleEntry(stsd: Buffer): SampleEntry {
  const [entry] = parseBoxes(stsd.subarray(8))
  if (entry === undefined) throw new RangeError('has no sample entry')
  if (entry.type === 'mp4a') {
    const esds = requireBoxBody(entry.body.subarray(AUDIO_ENTRY_BYTES), 'esds')
    return { codec: aacCodecString(readAudioObjectType(esds)), size: null }
  }
  const codec = readVideoCodec(entry.type, entry.body.subarray(VISUAL_ENTRY_BYTES))
  return { codec, size: { width: entry.body.readUInt16BE(24), height: entry.body.readUInt16BE(26) } }
}

function readVideoCodec(type: string, boxes: Buffer): string {
  switch (type) {
    case 'avc1':
      return avcCodecString(requireBoxBody(boxes, 'avcC').subarray(1))
    case 'hvc1':
      return hevcCodecString(requireBoxBody(boxes, 'hvcC').subarray(1))
    case 'av01':
      return av1CodecString(requireBoxBody(boxes, 'av1C'))
    default:
      throw new RangeError(`has a sample entry of type ${type}, which is never encoded`)
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
