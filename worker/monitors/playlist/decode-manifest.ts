/** Decodes the text of a playlist or an MPD: UTF-8, or UTF-16 by its byte order mark (XML 1.0 §4.3.3). */
export function decodeManifest(bytes: Uint8Array): string {
  const [first, second] = bytes
  if (first === 0xff && second === 0xfe) return new TextDecoder('utf-16le').decode(bytes)
  if (first === 0xfe && second === 0xff) return new TextDecoder('utf-16be').decode(bytes)
  return new TextDecoder().decode(bytes)
}
