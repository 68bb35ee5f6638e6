const CONTENT_TYPES: ReadonlyMap<string, string> = new Map([
  // The types of RFC 8216 §4, RFC 6381 and ISO/IEC 23009-1.
  ['m3u8', 'application/vnd.apple.mpegurl'],
  ['mpd', 'application/dash+xml'],
  ['ts', 'video/mp2t'],
  ['m4s', 'video/iso.segment'],
  ['mp4', 'video/mp4'],
  ['m4a', 'audio/mp4'],
  ['vtt', 'text/vtt'],
  ['jpg', 'image/jpeg'],
])

/** HTTP headers of a stored output file. */
export type MediaHeaders = { readonly contentType: string; readonly cacheControl: string }

/** Any other name is that of a single output, which is an MP4 file whatever its extension. */
const SINGLE_FILE_TYPE = 'video/mp4'

/** Returns the extension under which a file is saved: that of its name where that says what it is. */
export function chooseExtension(name: string): string {
  const extension = extensionOf(name)
  return CONTENT_TYPES.has(extension) ? extension : 'mp4'
}

function extensionOf(name: string): string {
  return /\.(\w+)$/.exec(name.toLowerCase())?.[1] ?? ''
}

/** Chooses the headers of a file by its name. Segments never change; a later output may replace any other file. */
export function chooseMediaHeaders(name: string): MediaHeaders {
  const extension = extensionOf(name)
  const isSegment = extension === 'ts' || extension === 'm4s'
  return {
    contentType: CONTENT_TYPES.get(extension) ?? SINGLE_FILE_TYPE,
    cacheControl: isSegment ? 'public, max-age=31536000, immutable' : 'no-cache',
  }
}

/** Chooses the headers of a single output by its content (RFC 4337), because its name may have any extension. */
export function chooseSingleFileHeaders(hasPicture: boolean): MediaHeaders {
  return chooseMediaHeaders(hasPicture ? 'output.mp4' : 'output.m4a')
}
