/** The format of a segment by its first bytes, as ffmpeg names it, or the reason why it is not accepted. */
type SegmentFormat =
  | { readonly kind: 'media'; readonly format: 'mpegts' | 'mov' | 'aac' | 'mp3' | 'ac3'; readonly bytes: Uint8Array }
  | { readonly kind: 'other'; readonly problem: string }

const TS_PACKET_BYTES = 188
const TS_SYNC = 0x47

/** Boxes with which an MP4 file or segment may begin (ISO/IEC 14496-12). */
const MP4_BOXES = new Set(['ftyp', 'styp', 'moof', 'moov', 'sidx', 'emsg', 'prft', 'mdat', 'free', 'skip'])

/**
 * Identifies a segment's format (RFC 8216 §3.1), so that ffmpeg does not guess it and cannot mistake the segment for a
 * playlist. `bytes` is the segment without the ID3 tag that precedes packed audio.
 */
export function identifySegmentFormat(bytes: Uint8Array): SegmentFormat {
  if (bytes.length === 0) return { kind: 'other', problem: 'segment is empty' }
  if (isTransportStream(bytes)) return { kind: 'media', format: 'mpegts', bytes }
  if (MP4_BOXES.has(readText(bytes, 4, 8))) return { kind: 'media', format: 'mov', bytes }
  const audio = withoutId3Tag(bytes)
  const format = identifyPackedAudio(audio)
  return format === null ? { kind: 'other', problem: describeOther(bytes) } : { kind: 'media', format, bytes: audio }
}

function isTransportStream(bytes: Uint8Array): boolean {
  return bytes[0] === TS_SYNC && (bytes.length <= TS_PACKET_BYTES || bytes[TS_PACKET_BYTES] === TS_SYNC)
}

/** Compares the sync words of ADTS, MPEG audio and AC-3. The mask of ADTS includes its layer, which is always 0. */
function identifyPackedAudio(bytes: Uint8Array): 'aac' | 'mp3' | 'ac3' | null {
  const [first = 0, second = 0] = bytes
  if (first === 0xff && (second & 0xf6) === 0xf0) return 'aac'
  if (first === 0xff && (second & 0xe0) === 0xe0) return 'mp3'
  return first === 0x0b && second === 0x77 ? 'ac3' : null
}

/** Removes an ID3 tag: a header of ten bytes, the last four of which hold the tag's size, seven bits each (ID3v2 §3.1). */
function withoutId3Tag(bytes: Uint8Array): Uint8Array {
  if (readText(bytes, 0, 3) !== 'ID3') return bytes
  const size = bytes.subarray(6, 10).reduce((sum, byte) => (sum << 7) | (byte & 0x7f), 0)
  return bytes.subarray(10 + size)
}

function describeOther(bytes: Uint8Array): string {
  const start = readText(bytes, 0, 64).trimStart()
  if (start.startsWith('#EXTM3U')) return 'segment is a playlist'
  if (start.startsWith('<')) return 'segment is a page, not media'
  return 'segment is in no known media format'
}

function readText(bytes: Uint8Array, from: number, to: number): string {
  return String.fromCharCode(...bytes.subarray(from, to))
}
