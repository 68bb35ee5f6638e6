import type { FileHandle } from 'node:fs/promises'

/** A box of an ISO base media file (ISO/IEC 14496-12 §4.2), without its header. */
type Mp4Box = { readonly type: string; readonly body: Buffer }

/** The longest header of a box. */
export const MAX_HEADER_BYTES = 16

/** Most boxes in a row: a box of 8 bytes becomes an object of several hundred. */
export const MAX_BOXES = 100_000

/**
 * Parses consecutive boxes.
 * @throws RangeError where a box exceeds the bytes, or there are too many
 */
export function parseBoxes(bytes: Buffer): Mp4Box[] {
  return [...readBoxes(bytes)]
}

/** Parses consecutive boxes, up to one that exceeds the bytes. */
export function parseWholeBoxes(bytes: Buffer): Mp4Box[] {
  const boxes: Mp4Box[] = []
  try {
    for (const box of readBoxes(bytes)) boxes.push(box)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
  }
  return boxes
}

function* readBoxes(bytes: Buffer): Generator<Mp4Box> {
  let count = 0
  for (let offset = 0; offset < bytes.length;) {
    if (++count > MAX_BOXES) throw new RangeError('has too many boxes')
    const { type, headerBytes, size } = parseBoxHeader(bytes.subarray(offset), bytes.length - offset)
    yield { type, body: bytes.subarray(offset + headerBytes, offset + size) }
    offset += size
  }
}

/**
 * Returns the body of the first box at a path of nested types.
 * @throws RangeError where there is none
 */
export function requireBoxBody(bytes: Buffer, ...path: readonly string[]): Buffer {
  const body = findBoxBody(bytes, ...path)
  if (body === null) throw new RangeError(`has no ${path.join('/')} box`)
  return body
}

/** Returns the body of the first box at a path of nested types; `null` where there is none before a damaged one. */
export function findBoxBody(bytes: Buffer, ...[type, ...rest]: readonly string[]): Buffer | null {
  const box = parseWholeBoxes(bytes).find((candidate) => candidate.type === type)
  if (box === undefined) return null
  return rest.length === 0 ? box.body : findBoxBody(box.body, ...rest)
}

/** Reads the timescale of an mdhd or mvhd box (ISO/IEC 14496-12 §8.2.2 and §8.4.2). */
export function readTimescale(header: Buffer): number {
  return header.readUInt32BE(header.readUInt8(0) === 1 ? 20 : 12)
}

/**
 * Reads the bodies of a file's outermost boxes of one type. Other boxes, such as the media data, are skipped unread.
 * @throws RangeError where the last box exceeds the file
 */
export async function readBoxBodies(file: FileHandle, fileBytes: number, type: string): Promise<Buffer[]> {
  const bodies: Buffer[] = []
  for (let offset = 0; offset < fileBytes;) {
    const start = await readAt(file, offset, Math.min(MAX_HEADER_BYTES, fileBytes - offset))
    const header = parseBoxHeader(start, fileBytes - offset)
    const { headerBytes, size } = header
    if (header.type === type) bodies.push(await readAt(file, offset + headerBytes, size - headerBytes))
    offset += size
  }
  return bodies
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, position)
  return buffer.subarray(0, bytesRead)
}

/**
 * Parses a header. `size` includes the header: 32 bits, or 64 bits where that is 1, or all remaining bytes where it is 0.
 * @throws RangeError where the box exceeds the remaining bytes
 */
export function parseBoxHeader(start: Buffer, remaining: number): { type: string; headerBytes: number; size: number } {
  const shortSize = start.readUInt32BE(0)
  const type = start.toString('latin1', 4, 8)
  const headerBytes = shortSize === 1 ? 16 : 8
  const size = shortSize === 1 ? Number(start.readBigUInt64BE(8)) : shortSize === 0 ? remaining : shortSize
  if (size < headerBytes || size > remaining) throw new RangeError('is truncated')
  return { type, headerBytes, size }
}
