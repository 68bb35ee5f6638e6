const CONTENT_TYPES: ReadonlyMap<string, string> = new Map([
  // RFC 8216 §4, RFC 6381 and ISO/IEC 23009-1 name these.
  ['m3u8', 'application/vnd.apple.mpegurl'],
  ['mpd', 'application/dash+xml'],
  ['ts', 'video/mp2t'],
  ['m4s', 'video/iso.segment'],
  ['mp4', 'video/mp4'],
  ['m4a', 'audio/mp4'],
  ['vtt', 'text/vtt'],
  ['jpg', 'image/jpeg'],
])

/** What a reader is told of a file of an output, by its name: wherever it is stored. */
export type MediaHeaders = { readonly contentType: string; readonly cacheControl: string }

/** Segments are numbered and stay as they are; under any other name a later job may put something else. */
export function mediaHeadersOf(name: string): MediaHeaders {
  const contentType = CONTENT_TYPES.get(name.split('.').at(-1) ?? '') ?? 'application/octet-stream'
  const isSegment = /\.(?:ts|m4s)$/.test(name)
  return { contentType, cacheControl: isSegment ? 'public, max-age=31536000, immutable' : 'no-cache' }
}
