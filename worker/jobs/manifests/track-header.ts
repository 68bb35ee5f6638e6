import { findBoxBody, readTimescale, requireBoxBody } from '../../media/mp4/boxes.ts'
import { readSampleEntry } from '../../media/mp4/sample-entry.ts'

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

/**
 * Reads the initialization segment of a single track.
 * @throws RangeError where a box is missing or unknown
 */
export function readTrackHeader(init: Buffer): TrackHeader {
  const moov = requireBoxBody(init, 'moov')
  const timescale = readTimescale(requireBoxBody(moov, 'trak', 'mdia', 'mdhd'))
  return {
    codec: readSampleEntry(requireBoxBody(moov, 'trak', 'mdia', 'minf', 'stbl', 'stsd')).codec,
    timescale,
    presentationOffset: readPresentationOffset(moov, timescale),
    defaultSampleDuration: requireBoxBody(moov, 'mvex', 'trex').readUInt32BE(12),
  }
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
