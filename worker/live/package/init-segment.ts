import { parseBoxes, readTimescale, requireBoxBody } from '../../media/mp4/boxes.ts'
import { readSampleEntry } from '../../media/mp4/sample-entry.ts'
import type { SampleDefaults } from '../../media/mp4/track-fragment.ts'

/** A track of an initialization segment. */
export type InitTrack = {
  readonly id: number
  readonly isVideo: boolean
  readonly timescale: number
  /** RFC 6381. */
  readonly codec: string
  readonly size: { readonly width: number; readonly height: number } | null
  readonly defaults: SampleDefaults
}

/** An initialization segment (ISO/IEC 14496-12 §8.16.3): its bytes, and what they declare. */
export type InitSegment = {
  readonly bytes: Buffer
  readonly tracks: readonly InitTrack[]
  /** Of all tracks, the picture's first: `avc1.64001f,mp4a.40.2`. */
  readonly codecs: string
}

/**
 * Reads an initialization segment from its ftyp and moov boxes.
 * @throws RangeError where a box is missing or truncated
 */
export function readInitSegment(boxes: readonly Buffer[]): InitSegment {
  const bytes = Buffer.concat(boxes)
  const moov = requireBoxBody(bytes, 'moov')
  const defaults = readDefaults(requireBoxBody(moov, 'mvex'))
  const tracks = parseBoxes(moov)
    .filter(({ type }) => type === 'trak')
    .map(({ body }) => readTrack(body, defaults))
    .toSorted((a, b) => Number(b.isVideo) - Number(a.isVideo))
  return { bytes, tracks, codecs: tracks.map(({ codec }) => codec).join(',') }
}

function readTrack(trak: Buffer, defaults: ReadonlyMap<number, SampleDefaults>): InitTrack {
  const tkhd = requireBoxBody(trak, 'tkhd')
  const id = tkhd.readUInt32BE(tkhd.readUInt8(0) === 1 ? 20 : 12)
  const { codec, size } = readSampleEntry(requireBoxBody(trak, 'mdia', 'minf', 'stbl', 'stsd'))
  return {
    id,
    isVideo: size !== null,
    timescale: readTimescale(requireBoxBody(trak, 'mdia', 'mdhd')),
    codec,
    size,
    defaults: defaults.get(id) ?? { duration: 0, flags: 0 },
  }
}

/** Reads the trex boxes of an mvex box (ISO/IEC 14496-12 §8.8.3), by track. */
function readDefaults(mvex: Buffer): ReadonlyMap<number, SampleDefaults> {
  const boxes = parseBoxes(mvex).filter(({ type }) => type === 'trex')
  return new Map(
    boxes.map(({ body }) => [body.readUInt32BE(4), { duration: body.readUInt32BE(12), flags: body.readUInt32BE(20) }]),
  )
}
