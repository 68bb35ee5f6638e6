import { FILE_HEADER_BYTES, TAG_HEADER_BYTES, TAG_TRAILER_BYTES, type FlvTag } from './flv-tag.ts'

/** The bytes are no FLV, or a tag is larger than any that is accepted. */
export class FlvError extends Error {}

/** Largest accepted body of a tag: that of a message of RTMP. */
const MAX_BODY_BYTES = 8 * 1024 * 1024

/** An incremental reader of FLV. */
export type FlvReader = {
  /**
   * Returns the tags that these bytes complete, in order. A tag's body shares memory with what was read.
   * @throws FlvError
   */
  read(bytes: Uint8Array): readonly FlvTag[]
}

/** Creates a reader of an FLV stream that begins with the file header (FLV 10.1 §E.2). */
export function createFlvReader(): FlvReader {
  let chunks: Buffer[] = []
  let available = 0
  let wanted = FILE_HEADER_BYTES
  let hasHeader = false

  /** Joins the chunks only once a whole tag has come, so that a large tag in many chunks is copied once. */
  function joinChunks(): Buffer {
    const joined = chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks)
    chunks = [joined]
    return joined
  }

  return {
    read(bytes) {
      chunks.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
      available += bytes.byteLength
      if (available < wanted) return []
      const joined = joinChunks()
      let offset = 0
      if (!hasHeader) {
        checkFileHeader(joined)
        hasHeader = true
        offset = FILE_HEADER_BYTES
      }
      const tags: FlvTag[] = []
      wanted = TAG_HEADER_BYTES
      while (joined.length - offset >= TAG_HEADER_BYTES) {
        wanted = readTagBytes(joined, offset)
        if (joined.length - offset < wanted) break
        tags.push(readTag(joined, offset))
        offset += wanted
        wanted = TAG_HEADER_BYTES
      }
      chunks = [joined.subarray(offset)]
      available = joined.length - offset
      return tags
    },
  }
}

function checkFileHeader(bytes: Buffer): void {
  if (bytes.toString('latin1', 0, 3) !== 'FLV') throw new FlvError('the stream does not begin with "FLV"')
  if (bytes.readUInt32BE(5) !== FILE_HEADER_BYTES - TAG_TRAILER_BYTES) throw new FlvError('the header has a wrong size')
}

/** Returns the size of a tag with its header and the size that follows it. */
function readTagBytes(bytes: Buffer, offset: number): number {
  const bodyBytes = bytes.readUIntBE(offset + 1, 3)
  if (bodyBytes > MAX_BODY_BYTES) throw new FlvError(`a tag of ${bodyBytes} bytes is too large`)
  return TAG_HEADER_BYTES + bodyBytes + TAG_TRAILER_BYTES
}

function readTag(bytes: Buffer, offset: number): FlvTag {
  const start = offset + TAG_HEADER_BYTES
  return {
    type: (bytes[offset] ?? 0) & 0x1f,
    timestampMs: bytes.readUIntBE(offset + 4, 3) + (bytes[offset + 7] ?? 0) * 0x1000000,
    body: bytes.subarray(start, start + bytes.readUIntBE(offset + 1, 3)),
  }
}
