/** An answer of the double. */
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
])

/** An error as S3 tells it; one that is not listed here blames the request. */
export function refusal(code: string, message = `refused: ${code}`): S3Answer {
  return xml(`<Error>${tag('Code', code)}${tag('Message', message)}</Error>`, STATUS.get(code) ?? 400)
}

export function xml(body: string, status = 200): S3Answer {
  const text = `<?xml version="1.0" encoding="UTF-8"?>${body}`
  return { status, headers: { 'content-type': 'application/xml' }, body: text }
}

export function tag(name: string, value: string | number | boolean): string {
  const text = String(value).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
  return `<${name}>${text}</${name}>`
}
