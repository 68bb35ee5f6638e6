/** Returns the bytes that a `data:` URL holds in base64 (RFC 2397); `null` for any other URL, and where there are none. */
export function readDataUrl(url: string): Uint8Array | null {
  const base64 = /^data:[^,]{0,256};base64,([\w+/-]+={0,2})$/i.exec(url)?.[1]
  return base64 === undefined ? null : Buffer.from(base64, 'base64')
}
