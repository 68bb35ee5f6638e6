import { open } from 'node:fs/promises'

import { parseBoxHeader, MAX_HEADER_BYTES } from './boxes.ts'

/** Types of the boxes that an MP4 file begins with, and may end with. */
const KNOWN_BOXES = ['ftyp', 'styp', 'moov', 'moof', 'mdat', 'free', 'skip', 'wide', 'sidx']
const MIN_HEADER_BYTES = 8
/** Boxes of a recording of a week in fragments of half a second. */
const MAX_BOXES = 2_500_000

/** The box within which an MP4 ends. */
export type IncompleteBox = {
  /** Where it begins, which is where the complete outermost boxes end. */
  readonly offset: number
  /** `null` where even that is missing. */
  readonly type: string | null
  /** Fragments precede it. */
  readonly isFragmented: boolean
}

/**
 * Returns the outermost box within which a file ends (ISO/IEC 14496-12 §4.2); `null` for a file that ends with a box or with
 * something else, and for other formats.
 */
export async function findIncompleteBox(path: string): Promise<IncompleteBox | null> {
  await using file = await open(path)
  const { size: fileBytes } = await file.stat()
  const buffer = Buffer.alloc(MAX_HEADER_BYTES)
  let [offset, isFragmented] = [0, false]
  for (let count = 0; offset < fileBytes && count < MAX_BOXES; count += 1) {
    const { bytesRead } = await file.read(buffer, 0, buffer.length, offset)
    const header = buffer.subarray(0, bytesRead)
    const type = readType(header)
    const isKnown = type === null ? isFragmented : KNOWN_BOXES.includes(type)
    if (count === 0 && !isKnown) return null
    isFragmented ||= type === 'moof'
    const size = measureBox(header, fileBytes - offset)
    if (size === null) return isKnown ? { offset, type, isFragmented } : null
    offset += size
  }
  return null
}

function readType(header: Buffer): string | null {
  return header.length < MIN_HEADER_BYTES ? null : header.toString('latin1', 4, 8)
}

/** Returns the size of a box; `null` where it exceeds the remaining bytes. */
function measureBox(header: Buffer, remaining: number): number | null {
  try {
    return parseBoxHeader(header, remaining).size
  } catch (error) {
    if (error instanceof RangeError) return null
    throw error
  }
}
