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

/** All that is stored under other names: a single output, which is an MP4 file whatever it is called. */
const SINGLE = 'video/mp4'

/** Segments are numbered and stay as they are; under any other name a later job may put something else. */
export function mediaHeadersOf(name: string): MediaHeaders {
  const [, ending = ''] = /\.(\w+)$/.exec(name.toLowerCase()) ?? []
  const isSegment = ending === 'ts' || ending === 'm4s'
  return {
    contentType: CONTENT_TYPES.get(ending) ?? SINGLE,
    cacheControl: isSegment ? 'public, max-age=31536000, immutable' : 'no-cache',
  }
}

/** The same of a single output where it is known what it holds (RFC 4337): its name may say anything. */
export function singleHeadersOf(hasPicture: boolean): MediaHeaders {
  return mediaHeadersOf(hasPicture ? 'output.mp4' : 'output.m4a')
}
