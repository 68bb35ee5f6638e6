import { readS3Url } from '../../shared/s3-url.ts'
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
  if (url.protocol === 's3:') return problemOf(readS3Url(text))
  if (url.protocol === 'file:') return fileProblem(url, path, policy)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return schemes(policy)
  return problemOf(checkUrl(text, policy))
}

function problemOf(verdict: { readonly ok: true } | { readonly ok: false; readonly problem: string }): string | null {
  return verdict.ok ? null : verdict.problem
}

function schemes({ allowFileInput }: InputPolicy): string {
  return `must be an http, https${allowFileInput ? ', s3 or file' : ' or s3'} URL`
}

function fileProblem(url: URL, path: string, policy: InputPolicy): string | null {
  if (!policy.allowFileInput) return `${schemes(policy)}; files need ALLOW_FILE_INPUT=true`
  if (url.hostname !== '' || url.search !== '' || url.hash !== '')
    return 'must be an absolute path: file:///folder/file'
  return /[^/]$/.test(path) ? null : 'must name a file'
}
