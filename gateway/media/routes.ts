import { Hono, type Context as HonoContext } from 'hono'

import { formatAttachment } from '../../shared/net/attachment.ts'
import { chooseExtension, chooseMediaHeaders } from '../../shared/net/media-headers.ts'
import { BrokenRule, KERNEL_ERRORS } from '../errors.ts'
import { parseRange, type RequestedRange } from './byte-range.ts'
import type { ObjectStore, StoredFile } from '../ports/object-store.ts'

/** The path of a store's files. They have security headers of their own, since pages of other origins play them. */
export const MEDIA_PATH = '/media/'

/** The query of a file that is saved, and not shown: its title. The extension of its name stays that of the file. */
const DOWNLOAD_QUERY = 'download'

/** Returns the address at which a stored file is saved under a title. */
export function toDownloadUrl(url: string, title: string): string {
  return `${url}?${DOWNLOAD_QUERY}=${encodeURIComponent(title)}`
}

/** The files come from users and are served from the gateway's origin: no script in them may run. */
const CSP = "default-src 'none'; sandbox; frame-ancestors 'none'"

/**
 * Returns the routes of a store's files. They need no key, since players carry none: GET and HEAD with ranges and
 * conditions (RFC 9110 §13 and §14), from any web page. No folder is listed, and no hidden file is served.
 */
export function mediaRoutes(store: ObjectStore | null): Hono {
  return new Hono()
    .options(`${MEDIA_PATH}*`, (c) => {
      allowAnyOrigin(c)
      c.header('Access-Control-Allow-Methods', 'GET, HEAD')
      c.header('Access-Control-Allow-Headers', 'Range, If-None-Match')
      c.header('Access-Control-Max-Age', '86400')
      return c.body(null, 204)
    })
    .get(
      `${MEDIA_PATH}*`,
      forAnyOrigin(async (c) => {
        const names = namesOf(c)
        const file = names === null ? null : ((await store?.open(names)) ?? null)
        if (names === null || file === null) throw new BrokenRule(KERNEL_ERRORS.NOT_FOUND, 'there is no such file')
        return answerFile(c, names.at(-1) ?? '', file)
      }),
    )
}

/** Headers by which pages of any origin may read an answer, as the CORS rule for a bucket has them. */
const SHARED_HEADERS = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Expose-Headers': 'ETag, Content-Length, Content-Range',
  'Cross-Origin-Resource-Policy': 'cross-origin',
  'X-Content-Type-Options': 'nosniff',
  'Content-Security-Policy': CSP,
}

/** Allows requests from any origin. */
export function allowAnyOrigin(c: HonoContext): void {
  for (const [name, value] of Object.entries(SHARED_HEADERS)) c.header(name, value)
}

type MediaHandler = (c: HonoContext) => Promise<Response>

/** Returns a handler whose refusals pages of any origin may read too. */
export function forAnyOrigin(answer: MediaHandler): MediaHandler {
  return async (c) => {
    try {
      return await answer(c)
    } catch (error) {
      allowAnyOrigin(c)
      throw error
    }
  }
}

export type MediaAnswer = {
  readonly status?: 200 | 206 | 304 | 416
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>> | null
}

/** Answers pages of any origin. Many viewers ask at once: plain headers cost a fifth of those that are set one by one. */
export function answerMedia(c: HonoContext, { status = 200, headers, body }: MediaAnswer): Response {
  const all = { ...SHARED_HEADERS, 'X-Request-Id': c.get('requestId'), ...headers }
  return new Response(body, { status, headers: all })
}

/** Returns the names of a file's path; `null` where one is no plain name, or hidden. */
function namesOf(c: HonoContext): readonly string[] | null {
  try {
    const path = new URL(c.req.url).pathname.slice(MEDIA_PATH.length)
    const names = path.split('/').map((part) => decodeURIComponent(part))
    return names.every(isName) ? names : null
  } catch {
    return null
  }
}

function isName(name: string): boolean {
  // oxlint-disable-next-line no-control-regex -- control characters are refused
  return name !== '' && !name.startsWith('.') && !/[/\\\0-\x1f\x7f]/.test(name)
}

/** Answers with a stored file: with validators, ranges and the headers of its type. */
export async function answerFile(c: HonoContext, name: string, file: StoredFile): Promise<Response> {
  const { contentType, cacheControl } = chooseMediaHeaders(name)
  const etag = `"${file.version}"`
  const validators = { ETag: etag, 'Cache-Control': cacheControl, 'Accept-Ranges': 'bytes' }
  if (isKnown(c.req.header('if-none-match'), etag)) {
    return answerBare(c, file, { status: 304, headers: validators })
  }
  const range = rangeOf(c, etag, file.size)
  const described = { ...validators, 'Content-Type': contentType, ...describeDownload(c, name) }
  if (range.kind === 'unsatisfiable') {
    return answerBare(c, file, { status: 416, headers: { ...described, 'Content-Range': `bytes */${file.size}` } })
  }
  const { start, end } = range.kind === 'part' ? range : { start: 0, end: file.size - 1 }
  const answer = {
    status: range.kind === 'part' ? 206 : 200,
    headers: {
      ...described,
      'Content-Length': String(end - start + 1),
      ...(range.kind === 'part' ? { 'Content-Range': `bytes ${start}-${end}/${file.size}` } : {}),
    },
  } as const
  const isBare = c.req.raw.method === 'HEAD' || file.size === 0
  return isBare ? answerBare(c, file, answer) : answerMedia(c, { ...answer, body: file.read(start, end) })
}

/** Returns the header of a file that is saved under a title. */
function describeDownload(c: HonoContext, name: string): Readonly<Record<string, string>> {
  const title = c.req.query(DOWNLOAD_QUERY)
  return title === undefined ? {} : { 'Content-Disposition': formatAttachment(title, chooseExtension(name)) }
}

async function answerBare(c: HonoContext, file: StoredFile, answer: Omit<MediaAnswer, 'body'>): Promise<Response> {
  await file.close()
  return answerMedia(c, { ...answer, body: null })
}

/** Compares entity tags by the weak comparison (RFC 9110 §13.1.2). */
function isKnown(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false
  const tags = header.split(',').map((tag) => tag.trim().replace(/^W\//, ''))
  return tags.includes('*') || tags.includes(etag)
}

/** Returns the requested range; a range of another version is none, and HEAD has none (RFC 9110 §13.1.5, §14.2). */
function rangeOf(c: HonoContext, etag: string, size: number): RequestedRange {
  const ifRange = c.req.header('if-range')
  const isOther = ifRange !== undefined && ifRange !== etag
  return isOther || c.req.raw.method === 'HEAD' ? { kind: 'whole' } : parseRange(c.req.header('range'), size)
}
