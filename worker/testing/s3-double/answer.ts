/** A response of the double. */
export type S3Answer = {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array | string
}

const STATUS: ReadonlyMap<string, number> = new Map([
  ['NoSuchKey', 404],
  ['NoSuchBucket', 404],
  ['NoSuchUpload', 404],
  ['AccessDenied', 403],
  ['InvalidAccessKeyId', 403],
  ['SignatureDoesNotMatch', 403],
  ['RequestTimeTooSkewed', 403],
  ['PreconditionFailed', 412],
  ['InvalidRange', 416],
  ['NotImplemented', 501],
  ['InternalError', 500],
  ['SlowDown', 503],
  // Of MinIO.
  ['XMinioStorageFull', 507],
])

/** Returns an S3 error response; codes that are not listed here have status 400. */
export function errorAnswer(code: string, message = `refused: ${code}`): S3Answer {
  const body = `<Error>${xmlElement('Code', code)}${xmlElement('Message', message)}</Error>`
  return xmlAnswer(body, STATUS.get(code) ?? 400)
}

/** Returns a response with an XML document. */
export function xmlAnswer(body: string, status = 200): S3Answer {
  const text = `<?xml version="1.0" encoding="UTF-8"?>${body}`
  return { status, headers: { 'content-type': 'application/xml' }, body: text }
}

/** Returns an XML element with escaped text. */
export function xmlElement(name: string, value: string | number | boolean): string {
  const text = String(value).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
  return `<${name}>${text}</${name}>`
}
