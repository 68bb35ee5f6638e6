/** Returns the bytes of a text in base64url (RFC 4648 §5), with or without padding. */
export function decodeBase64Url(text: string): Uint8Array<ArrayBuffer> {
  const bytes = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
  return Uint8Array.from(bytes, (byte) => byte.codePointAt(0) ?? 0)
}

/** Returns bytes in base64url, without padding. */
export function encodeBase64Url(bytes: Uint8Array): string {
  const text = btoa(String.fromCodePoint(...bytes))
  return text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}
