/** The types of FLV tags (FLV 10.1 §E.4.1). Messages of RTMP have the same numbers. */
export const TAG_TYPE = { audio: 8, video: 9, script: 18 } as const

/** An FLV tag; `timestampMs` is unsigned, of 32 bits. */
export type FlvTag = { readonly type: number; readonly timestampMs: number; readonly body: Buffer }

/** Size of a tag's header, and of the size of the previous tag after its body (FLV 10.1 §E.3). */
export const TAG_HEADER_BYTES = 11
export const TAG_TRAILER_BYTES = 4

/** Size of the file header and of the size of tag 0 (FLV 10.1 §E.2). */
export const FILE_HEADER_BYTES = 13

/** Returns the header of an FLV file, with the size of the tag before the first one (FLV 10.1 §E.2). */
export function encodeFlvHeader(tracks: { readonly hasAudio: boolean; readonly hasVideo: boolean }): Buffer {
  const flags = (tracks.hasAudio ? 4 : 0) | (tracks.hasVideo ? 1 : 0)
  return Buffer.from([0x46, 0x4c, 0x56, 1, flags, 0, 0, 0, 9, 0, 0, 0, 0])
}

/** Returns a tag with its header and the size that follows it, in memory of its own (FLV 10.1 §E.4.1). */
export function encodeFlvTag({ type, timestampMs, body }: FlvTag): Buffer {
  const size = TAG_HEADER_BYTES + body.length
  const bytes = Buffer.allocUnsafe(size + TAG_TRAILER_BYTES)
  bytes[0] = type
  bytes.writeUIntBE(body.length, 1, 3)
  bytes.writeUIntBE(timestampMs & 0xffffff, 4, 3)
  bytes[7] = timestampMs >>> 24
  bytes.writeUIntBE(0, 8, 3)
  body.copy(bytes, TAG_HEADER_BYTES)
  bytes.writeUInt32BE(size, size)
  return bytes
}
