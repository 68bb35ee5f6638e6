/** An object in S3: its bucket, and its key as the bucket has it. */
export type S3Location = { readonly bucket: string; readonly key: string }

export type S3Verdict =
  | { readonly ok: true; readonly location: S3Location }
  | { readonly ok: false; readonly problem: string }

/** As S3 has named buckets: today 3 to 63 of a–z, 0–9, `.` and `-`; once also up to 255, with A–Z and `_`. */
const BUCKET = /^[A-Za-z0-9][\w.-]{1,253}[A-Za-z0-9]$/

/** Reads `s3://bucket/key`, a key's escapes undone (RFC 3986 §2.1); or says what is wrong with it in words for the user. */
export function readS3Url(text: string): S3Verdict {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url?.protocol !== 's3:') return refuse('must be s3://bucket/key')
  const problem = hostProblem(url)
  if (problem !== null) return refuse(problem)
  if (!hasAllParts(text, url)) return refuse('must have no part that is . or ..')
  if (url.search !== '' || url.hash !== '') return refuse('must have ? and # in a key escaped, as %3F and %23')
  const key = unescaped(url.pathname.slice(1))
  if (key === null) return refuse('must be escaped as UTF-8, with no NUL')
  if (!/[^/]$/.test(key)) return refuse('must name an object: s3://bucket/key')
  return { ok: true, location: { bucket: url.hostname, key } }
}

function hostProblem({ username, password, hostname, port }: URL): string | null {
  if (username !== '' || password !== '') return 'must not carry credentials'
  return BUCKET.test(hostname) && port === '' ? null : 'must name a bucket: s3://bucket/key'
}

/** What is parsed as a URL loses such parts, escaped ones too (WHATWG URL §4.4): the key would silently be another. */
function hasAllParts(text: string, { pathname }: URL): boolean {
  const [written = ''] = text.split(/[?#]/, 1)
  return written.split('/').length === `s3://bucket${pathname}`.split('/').length
}

function refuse(problem: string): S3Verdict {
  return { ok: false, problem }
}

function unescaped(path: string): string | null {
  try {
    const key = decodeURIComponent(path)
    return key.includes('\0') ? null : key
  } catch {
    return null
  }
}
