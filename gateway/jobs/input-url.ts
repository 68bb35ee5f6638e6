import { hrefOf } from '../../shared/net/query-text.ts'
import { parseS3Url } from '../../shared/net/s3-url.ts'
import { checkUrl, type AddressPolicy } from '../../shared/net/safe-url.ts'
import type { UrlReading } from '../http/request-fields.ts'

/** Which inputs a gateway accepts. */
export type InputPolicy = AddressPolicy & { readonly allowFileInput: boolean }

/** Playlists and manifests, which refer to other files: a job takes one media file. */
const PLAYLIST = /\.(?:m3u8?|mpd|ism|isml|f4m|pls|asx|wpl|xspf|smil?|ffconcat|concat|sdp)\/?$/i

/** Parses an `input_url`: returns it as it is stored, or its problem in words for the client. */
export function parseInputUrl(text: string, policy: InputPolicy): UrlReading<string> {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null) return refuse('is not a URL')
  if (url.username !== '' || url.password !== '') return refuse('must not carry credentials')
  const path = decode(url.pathname)
  if (path === null) return refuse('must be escaped as UTF-8, with no NUL')
  const problem = kindProblem(text, url, path, policy)
  if (problem !== null) return refuse(problem)
  if (PLAYLIST.test(path)) return refuse('is a playlist or a manifest; a job takes one media file')
  url.hash = ''
  return { ok: true, read: hrefOf(url, text) }
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
  if (url.protocol === 's3:') return problemOf(parseS3Url(text))
  if (url.protocol === 'file:') return fileProblem(url, path, policy)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return schemeProblem(policy)
  return problemOf(checkUrl(text, policy))
}

function problemOf(verdict: { readonly ok: true } | { readonly ok: false; readonly problem: string }): string | null {
  return verdict.ok ? null : verdict.problem
}

function schemeProblem({ allowFileInput }: InputPolicy): string {
  return `must be an http, https${allowFileInput ? ', s3 or file' : ' or s3'} URL`
}

function fileProblem(url: URL, path: string, policy: InputPolicy): string | null {
  if (!policy.allowFileInput) return `${schemeProblem(policy)}; files need ALLOW_FILE_INPUT=true`
  if (url.hostname !== '' || url.search !== '' || url.hash !== '')
    return 'must be an absolute path: file:///folder/file'
  return /[^/]$/.test(path) ? null : 'must name a file'
}
