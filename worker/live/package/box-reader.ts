/** A whole box of an ISO base media file (ISO/IEC 14496-12 §4.2); `bytes` include its header. */
export type WholeBox = { readonly type: string; readonly bytes: Buffer }

/** Reads the outermost boxes of a stream. */
export type BoxReader = {
  /**
   * Returns the boxes that these bytes complete, in order.
   * @throws RangeError where a box is larger than `MAX_BOX_BYTES`, or has no valid size
   */
  push(bytes: Buffer): readonly WholeBox[]
}

/** More than a part of any accepted source. */
const MAX_BOX_BYTES = 64 * 1024 * 1024
const HEADER_BYTES = 8

/** Creates a reader. A box is copied once, however many chunks it comes in. */
export function createBoxReader(): BoxReader {
  let chunks: Buffer[] = []
  let available = 0
  let wanted = HEADER_BYTES

  function join(): Buffer {
    const joined = chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, available)
    chunks = [joined]
    return joined
  }

  return {
    push: (bytes) => {
      chunks.push(bytes)
      available += bytes.length
      const boxes: WholeBox[] = []
      while (available >= wanted) {
        const joined = join()
        const size = readBoxSize(joined)
        wanted = size
        if (available < size) break
        boxes.push({ type: joined.toString('latin1', 4, 8), bytes: joined.subarray(0, size) })
        chunks = [joined.subarray(size)]
        available -= size
        wanted = HEADER_BYTES
      }
      return boxes
    },
  }
}

function readBoxSize(box: Buffer): number {
  const size = box.readUInt32BE(0)
  if (size < HEADER_BYTES || size > MAX_BOX_BYTES) throw new RangeError(`a box of ${size} bytes is not accepted`)
  return size
}
