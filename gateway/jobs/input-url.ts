import { checkUrl, type AddressPolicy } from '../../shared/safe-url.ts'
import type { UrlReading } from '../http/request-fields.ts'

/** Which inputs a gateway takes. */
export type InputPolicy = AddressPolicy & { readonly allowFileInput: boolean }

/** Lists that send their reader elsewhere: a job takes one media file, whatever it would fetch besides. */
const PLAYLIST = /\.(?:m3u8?|mpd|ism|isml|f4m|pls|asx|wpl|xspf|smil?|ffconcat|concat|sdp)\/?$/i

/** Judges an `input_url`: its spelling as it is stored, or what is wrong with it in words for the user. */
export function readInputUrl(text: string, policy: InputPolicy): UrlReading<string> {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null) return refuse('is not a URL')
  if (url.username !== '' || url.password !== '') return refuse('must not carry credentials')
  const path = decode(url.pathname)
  if (path === null) return refuse('must be escaped as UTF-8, with no NUL')
  const problem = kindProblem(text, url, path, policy)
  if (problem !== null) return refuse(problem)
  if (PLAYLIST.test(path)) return refuse('is a playlist or a manifest; a job takes one media file')
  url.hash = ''
  return { ok: true, read: url.href }
}

function refuse(problem: string): UrlReading<string> {
  return { ok: false, problem }
}

function decode(pathname: string): string | null {
  try {
    const path = decodeURIComponent(pathname)
    return path.includes('\0') ? null : path
  } catch {
    return null
  }
}

function kindProblem(text: string, url: URL, path: string, policy: InputPolicy): string | null {
  if (url.protocol === 's3:') return s3Problem(url, path)
  if (url.protocol === 'file:') return fileProblem(url, path, policy)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return schemes(policy)
  const verdict = checkUrl(text, policy)
  return verdict.ok ? null : verdict.problem
}

function schemes({ allowFileInput }: InputPolicy): string {
  return `must be an http, https${allowFileInput ? ', s3 or file' : ' or s3'} URL`
}

/** `s3://bucket/key`: the bucket as S3 names them, old ones included. */
function s3Problem(url: URL, key: string): string | null {
  if (!/^[A-Za-z0-9][\w.-]{1,253}[A-Za-z0-9]$/.test(url.hostname) || url.port !== '')
    return 'must name a bucket: s3://bucket/key'
  if (!/^\/[^]*[^/]$/.test(key)) return 'must name an object: s3://bucket/key'
  return url.search === '' && url.hash === '' ? null : 'must have ? and # in a key escaped, as %3F and %23'
}

function fileProblem(url: URL, path: string, policy: InputPolicy): string | null {
  if (!policy.allowFileInput) return `${schemes(policy)}; files need ALLOW_FILE_INPUT=true`
  if (url.hostname !== '' || url.search !== '' || url.hash !== '')
    return 'must be an absolute path: file:///folder/file'
  return /[^/]$/.test(path) ? null : 'must name a file'
}
