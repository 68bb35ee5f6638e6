/** An object in S3: its bucket and its unescaped key. */
export type S3Location = { readonly bucket: string; readonly key: string }

export type ParsedS3Url =
  | { readonly ok: true; readonly location: S3Location }
  | { readonly ok: false; readonly problem: string }

/** S3 bucket names: 3 to 63 of a–z, 0–9, `.` and `-`; older buckets up to 255, also with A–Z and `_`. */
const BUCKET = /^[A-Za-z0-9][\w.-]{1,253}[A-Za-z0-9]$/

/** Parses `s3://bucket/key` and unescapes the key (RFC 3986 §2.1). `problem` completes a sentence about the URL. */
export function parseS3Url(text: string): ParsedS3Url {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url?.protocol !== 's3:') return refuse('must be s3://bucket/key')
  const problem = findHostProblem(url)
  if (problem !== null) return refuse(problem)
  if (!keepsAllSegments(text, url)) return refuse('must have no part that is . or ..')
  if (url.search !== '' || url.hash !== '') return refuse('must have ? and # in a key escaped, as %3F and %23')
  const key = unescapeKey(url.pathname.slice(1))
  if (key === null) return refuse('must be escaped as UTF-8, with no NUL')
  if (!/[^/]$/.test(key)) return refuse('must name an object: s3://bucket/key')
  return { ok: true, location: { bucket: url.hostname, key } }
}

function findHostProblem({ username, password, hostname, port }: URL): string | null {
  if (username !== '' || password !== '') return 'must not carry credentials'
  return BUCKET.test(hostname) && port === '' ? null : 'must name a bucket: s3://bucket/key'
}

/** Returns false where URL parsing removed `.` or `..` segments (WHATWG URL §4.4), which would change the key. */
function keepsAllSegments(text: string, { pathname }: URL): boolean {
  const [written = ''] = text.split(/[?#]/, 1)
  return written.split('/').length === `s3://bucket${pathname}`.split('/').length
}

function refuse(problem: string): ParsedS3Url {
  return { ok: false, problem }
}

function unescapeKey(path: string): string | null {
  try {
    const key = decodeURIComponent(path)
    return key.includes('\0') ? null : key
  } catch {
    return null
  }
}
