/** Frames that are sent to many clients, by the bytes of their text. */
const frames = new WeakMap<Uint8Array, Uint8Array>()

/** FIN, and the opcode of text. */
const FINAL_TEXT = 0x81
/** The lengths that 16 and 64 bits follow. */
const [LENGTH_16, LENGTH_64] = [126, 127]

/**
 * Returns a text, in UTF-8, as one frame from a server to its client (RFC 6455 §5.2), which is not masked. The same bytes
 * return the same frame, so that a text for many clients is framed once.
 */
export function frameText(text: Uint8Array): Uint8Array {
  const known = frames.get(text)
  if (known !== undefined) return known
  const frame = Buffer.concat([buildHeader(text.length), text])
  frames.set(text, frame)
  return frame
}

function buildHeader(length: number): Uint8Array {
  if (length < LENGTH_16) return Buffer.from([FINAL_TEXT, length])
  const header = Buffer.alloc(length < 2 ** 16 ? 4 : 10)
  header[0] = FINAL_TEXT
  header[1] = header.length === 4 ? LENGTH_16 : LENGTH_64
  if (header.length === 4) header.writeUInt16BE(length, 2)
  else header.writeBigUInt64BE(BigInt(length), 2)
  return header
}
