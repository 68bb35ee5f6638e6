import type { FileHandle } from 'node:fs/promises'

/** A box of an ISO base media file (ISO/IEC 14496-12 §4.2); `body` begins behind its header. */
type Box = { readonly type: string; readonly body: Buffer }

const HEADER_BYTES = 16

/** The boxes that follow one another in some bytes. Throws a `RangeError` where one reaches beyond them. */
export function boxesIn(bytes: Buffer): Box[] {
  const boxes: Box[] = []
  for (let offset = 0; offset < bytes.length;) {
    const { type, headerBytes, size } = readHeader(bytes.subarray(offset), bytes.length - offset)
    boxes.push({ type, body: bytes.subarray(offset + headerBytes, offset + size) })
    offset += size
  }
  return boxes
}

/** The body of the first box at a path of types, one within the other. Throws a `RangeError` where there is none. */
export function bodyAt(bytes: Buffer, ...path: readonly string[]): Buffer {
  const body = findBody(bytes, ...path)
  if (body === null) throw new RangeError(`has no ${path.join('/')}`)
  return body
}

/** As `bodyAt`; `null` where there is none. */
export function findBody(bytes: Buffer, ...[type, ...rest]: readonly string[]): Buffer | null {
  const box = boxesIn(bytes).find((candidate) => candidate.type === type)
  if (box === undefined) return null
  return rest.length === 0 ? box.body : findBody(box.body, ...rest)
}

/**
 * The bodies of a file's outermost boxes of one type; the others, such as the media itself, are passed over unread.
 * Throws a `RangeError` where the last box reaches beyond the file.
 */
export async function readBodies(file: FileHandle, fileBytes: number, type: string): Promise<Buffer[]> {
  const bodies: Buffer[] = []
  for (let offset = 0; offset < fileBytes;) {
    const start = await readAt(file, offset, Math.min(HEADER_BYTES, fileBytes - offset))
    const header = readHeader(start, fileBytes - offset)
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

/** `size` is the whole box's: a 32 bit one, one of 64 bits behind the type, or whatever is left. */
function readHeader(start: Buffer, left: number): { type: string; headerBytes: number; size: number } {
  const short = start.readUInt32BE(0)
  const type = start.toString('latin1', 4, 8)
  const headerBytes = short === 1 ? 16 : 8
  const size = short === 1 ? Number(start.readBigUInt64BE(8)) : short === 0 ? left : short
  if (size < headerBytes || size > left) throw new RangeError('is cut short')
  return { type, headerBytes, size }
}
