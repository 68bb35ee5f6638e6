import { parseBoxes } from '../../media/mp4/boxes.ts'

/** One subsegment of a segment index, by its place in the file. */
export type IndexedPart = {
  readonly offset: number
  readonly length: number
  readonly startSec: number
  readonly durationSec: number
}

/** Size of one reference of an index, in bytes. */
const REFERENCE_BYTES = 12

/**
 * Parses the first segment index box (ISO/IEC 14496-12 §8.16.3) in bytes that begin at `offset` of their file. References
 * to further indexes are left out; `null` where there is no whole index.
 */
export function parseSegmentIndex(bytes: Buffer, offset: number): readonly IndexedPart[] | null {
  try {
    const found = findIndex(bytes)
    return found === null ? null : readReferences(found.body, offset + found.end)
  } catch (error) {
    if (error instanceof RangeError) return null
    throw error
  }
}

/** Finds the box, and the position of the byte after it. */
function findIndex(bytes: Buffer): { readonly body: Buffer; readonly end: number } | null {
  const box = parseBoxes(bytes).find(({ type }) => type === 'sidx')
  if (box === undefined) return null
  return { body: box.body, end: box.body.byteOffset - bytes.byteOffset + box.body.length }
}

function readReferences(body: Buffer, anchor: number): readonly IndexedPart[] {
  const timescale = body.readUInt32BE(8)
  const isLong = body.readUInt8(0) > 0
  const earliest = isLong ? Number(body.readBigUInt64BE(12)) : body.readUInt32BE(12)
  const first = isLong ? Number(body.readBigUInt64BE(20)) : body.readUInt32BE(16)
  const at = isLong ? 28 : 20
  const count = Math.min(body.readUInt16BE(at + 2), Math.floor((body.length - at - 4) / REFERENCE_BYTES))
  if (timescale === 0) throw new RangeError('has a timescale of 0')
  const parts: IndexedPart[] = []
  let offset = anchor + first
  let time = earliest
  for (let index = 0; index < count; index++) {
    const word = body.readUInt32BE(at + 4 + index * REFERENCE_BYTES)
    const length = word & 0x7fffffff
    const duration = body.readUInt32BE(at + 8 + index * REFERENCE_BYTES)
    const isMedia = word >>> 31 === 0
    if (isMedia && length > 0 && duration > 0 && Number.isSafeInteger(offset + length)) {
      parts.push({ offset, length, startSec: time / timescale, durationSec: duration / timescale })
    }
    offset += length
    time += duration
  }
  return parts
}
