import { Hono, type Context as HonoContext } from 'hono'

import { mediaHeadersOf } from '../../shared/media-headers.ts'
import type { Context } from '../context.ts'
import { BrokenRule } from '../errors.ts'
import { readRange, type RangeVerdict } from './byte-range.ts'
import type { MediaFile } from './media-files.ts'

/** Where the files of the `local` store are. They bring their own security headers: pages elsewhere play them. */
export const MEDIA_PATH = '/media/'

/** Files of users' making, in our own origin: nothing in them runs, whatever a browser takes them for. */
const CSP = "default-src 'none'; sandbox; frame-ancestors 'none'"

/**
 * The `local` store's files, for anybody who knows their path: players carry no key. GET and HEAD, with ranges and
 * conditions (RFC 9110 §13 and §14), from any web page. Nothing is listed, and nothing hidden is served.
 */
export function mediaRoutes({ mediaFiles }: Pick<Context, 'mediaFiles'>): Hono {
  return new Hono()
    .options(`${MEDIA_PATH}*`, (c) => {
      allowEverybody(c)
      c.header('Access-Control-Allow-Methods', 'GET, HEAD')
      c.header('Access-Control-Allow-Headers', 'Range, If-None-Match')
      c.header('Access-Control-Max-Age', '86400')
      return c.body(null, 204)
    })
    .get(`${MEDIA_PATH}*`, async (c) => {
      allowEverybody(c)
      const names = namesOf(c)
      const file = names === null ? null : ((await mediaFiles?.open(names)) ?? null)
      if (names === null || file === null) throw new BrokenRule('NOT_FOUND', 'there is no such file')
      return answer(c, names.at(-1) ?? '', file)
    })
}

/** The rule for a bucket is the same: see the README. */
function allowEverybody(c: HonoContext): void {
  c.header('Access-Control-Allow-Origin', '*')
  c.header('Access-Control-Expose-Headers', 'ETag, Content-Length, Content-Range')
  c.header('Cross-Origin-Resource-Policy', 'cross-origin')
  c.header('X-Content-Type-Options', 'nosniff')
  c.header('Content-Security-Policy', CSP)
}

/** The names on the way to a file; `null` where one of them could be anything else, or is hidden. */
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
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  return name !== '' && !name.startsWith('.') && !/[/\\\0-\x1f\x7f]/.test(name)
}

async function answer(c: HonoContext, name: string, file: MediaFile): Promise<Response> {
  const { contentType, cacheControl } = mediaHeadersOf(name)
  const etag = `"${file.version}"`
  c.header('ETag', etag)
  c.header('Cache-Control', cacheControl)
  c.header('Accept-Ranges', 'bytes')
  if (isKnown(c.req.header('if-none-match'), etag)) return bare(c, file, 304)
  const range = rangeOf(c, etag, file.size)
  c.header('Content-Type', contentType)
  if (range.kind === 'unsatisfiable') {
    c.header('Content-Range', `bytes */${file.size}`)
    return bare(c, file, 416)
  }
  const { start, end } = range.kind === 'part' ? range : { start: 0, end: file.size - 1 }
  c.header('Content-Length', String(end - start + 1))
  if (range.kind === 'part') c.header('Content-Range', `bytes ${start}-${end}/${file.size}`)
  const status = range.kind === 'part' ? 206 : 200
  const isBare = c.req.raw.method === 'HEAD' || file.size === 0
  return isBare ? bare(c, file, status) : c.body(file.read(start, end), status)
}

async function bare(c: HonoContext, file: MediaFile, status: 200 | 206 | 304 | 416): Promise<Response> {
  await file.close()
  return c.body(null, status)
}

/** RFC 9110 §13.1.2: by the weak comparison. */
function isKnown(header: string | undefined, etag: string): boolean {
  const tags = (header ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''))
  return tags.includes('*') || tags.includes(etag)
}

/** RFC 9110 §13.1.5 and §14.2: a range of another version is none, and HEAD has none. */
function rangeOf(c: HonoContext, etag: string, size: number): RangeVerdict {
  const ifRange = c.req.header('if-range')
  const isOther = ifRange !== undefined && ifRange !== etag
  return isOther || c.req.raw.method === 'HEAD' ? { kind: 'whole' } : readRange(c.req.header('range'), size)
}
