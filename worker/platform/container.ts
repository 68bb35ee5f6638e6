/** What a media file is by its first bytes: ffmpeg's name of the format, or why it is none that we take. */
type Container =
  | { readonly kind: 'media'; readonly format: 'mpegts' | 'mov' | 'aac' | 'mp3' | 'ac3'; readonly bytes: Uint8Array }
  | { readonly kind: 'other'; readonly problem: string }

const TS_PACKET_BYTES = 188
const TS_SYNC = 0x47

/** Boxes with which an MP4 file or segment may begin (ISO/IEC 14496-12). */
const MP4_BOXES = new Set(['ftyp', 'styp', 'moof', 'moov', 'sidx', 'emsg', 'prft', 'mdat', 'free', 'skip'])

/**
 * Tells what a segment is, so that ffmpeg need not guess and cannot be led to take it for a playlist. The formats are
 * those of RFC 8216 §3.1; `bytes` is the segment without the ID3 tag that packed audio begins with.
 */
export function identify(bytes: Uint8Array): Container {
  if (bytes.length === 0) return { kind: 'other', problem: 'segment is empty' }
  if (isTransportStream(bytes)) return { kind: 'media', format: 'mpegts', bytes }
  if (MP4_BOXES.has(text(bytes, 4, 8))) return { kind: 'media', format: 'mov', bytes }
  const audio = withoutId3(bytes)
  const format = packedAudioFormat(audio)
  return format === null ? { kind: 'other', problem: otherThanMedia(bytes) } : { kind: 'media', format, bytes: audio }
}

function isTransportStream(bytes: Uint8Array): boolean {
  return bytes[0] === TS_SYNC && (bytes.length <= TS_PACKET_BYTES || bytes[TS_PACKET_BYTES] === TS_SYNC)
}

/** Sync words of ADTS, AC-3 and MPEG audio; the last two bits of the mask are ADTS's layer, which is always 0. */
function packedAudioFormat(bytes: Uint8Array): 'aac' | 'mp3' | 'ac3' | null {
  const [first = 0, second = 0] = bytes
  if (first === 0xff && (second & 0xf6) === 0xf0) return 'aac'
  if (first === 0xff && (second & 0xe0) === 0xe0) return 'mp3'
  return first === 0x0b && second === 0x77 ? 'ac3' : null
}

/** ID3v2 §3.1: ten bytes of header, the last four of which hold the tag's size in seven bits each. */
function withoutId3(bytes: Uint8Array): Uint8Array {
  if (text(bytes, 0, 3) !== 'ID3') return bytes
  const size = bytes.subarray(6, 10).reduce((sum, byte) => (sum << 7) | (byte & 0x7f), 0)
  return bytes.subarray(10 + size)
}

function otherThanMedia(bytes: Uint8Array): string {
  const start = text(bytes, 0, 64).trimStart()
  if (start.startsWith('#EXTM3U')) return 'segment is a playlist'
  if (start.startsWith('<')) return 'segment is a page, not media'
  return 'segment is in no known media format'
}

function text(bytes: Uint8Array, from: number, to: number): string {
  return String.fromCharCode(...bytes.subarray(from, to))
}
