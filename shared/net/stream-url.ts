import { hrefOf } from './query-text.ts'
import { checkUrl, type AddressPolicy } from './safe-url.ts'

/** Which stream URLs a gateway accepts. */
export type StreamPolicy = AddressPolicy & { readonly allowAnySite: boolean }

/** A stream by its URL. `key` is equal for all spellings of one stream's URL; `url` is the spelling to resolve. */
export type StreamUrl = { readonly kind: 'youtube' | 'manifest' | 'page'; readonly key: string; readonly url: string }

export type ParsedStreamUrl =
  | { readonly ok: true; readonly stream: StreamUrl }
  | { readonly ok: false; readonly problem: string }

/** Parses a `stream_url`. `problem` completes a sentence about the URL. */
export function parseStreamUrl(text: string, policy: StreamPolicy): ParsedStreamUrl {
  const checked = checkUrl(text, policy)
  if (!checked.ok) return checked
  const { url } = checked
  if (isYouTube(url)) return parseYouTubeUrl(url)
  if (isManifest(url)) return accept('manifest', url, text)
  if (policy.allowAnySite) return accept('page', url, text)
  return refuse(
    'must be a YouTube video (youtube.com/watch?v=…, youtube.com/live/…, youtu.be/…) or an HLS or DASH manifest (.m3u8, .mpd); other URLs need ALLOW_ANY_SITE=true',
  )
}

/** What a URL is by its form. An unclear one may be a manifest, or a page to resolve: its answer decides. */
export type StreamForm = 'manifest' | 'page' | 'unclear'

/** Returns what a URL is, by the extension of its path and its host. */
export function findStreamForm(text: string): StreamForm {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null || isYouTube(url)) return 'page'
  return isManifest(url) ? 'manifest' : 'unclear'
}

/** Returns whether a URL is that of an HLS or DASH manifest, by the extension of its path. */
function isManifest({ pathname }: URL): boolean {
  return /\.(?:m3u8|mpd)$/i.test(pathname)
}

function accept(kind: 'manifest' | 'page', url: URL, text: string): ParsedStreamUrl {
  url.hash = ''
  return { ok: true, stream: { kind, key: `${kind}:${normalizeUrl(url)}`, url: hrefOf(url, text) } }
}

/** Normalizes a URL to one spelling for all that are equivalent (RFC 3986 §6.2). */
function normalizeUrl(url: URL): string {
  const normalized = new URL(url)
  normalized.hostname = normalizeHost(url)
  normalized.search = url.search
  normalized.pathname = url.pathname.replaceAll(/%[\da-f]{2}/gi, decodeUnreserved)
  return normalized.href
}

function decodeUnreserved(escaped: string): string {
  const character = String.fromCharCode(Number.parseInt(escaped.slice(1), 16))
  return /[\w.~-]/.test(character) ? character : escaped.toUpperCase()
}

function refuse(problem: string): ParsedStreamUrl {
  return { ok: false, problem }
}

const YOUTUBE_HOSTS = new Set(['youtube.com', 'www.youtube.com', 'm.youtube.com', 'music.youtube.com'])
const SHORT_HOST = 'youtu.be'

function isYouTube(url: URL): boolean {
  const host = normalizeHost(url)
  return host === SHORT_HOST || YOUTUBE_HOSTS.has(host)
}

function normalizeHost(url: URL): string {
  return url.hostname.replace(/\.$/, '')
}

const VIDEO_ID = /^[A-Za-z0-9_-]{11}$/

function parseYouTubeUrl(url: URL): ParsedStreamUrl {
  const id = findYouTubeVideoId(url)
  if (id === null) {
    return refuse(
      'must name one video: youtube.com/watch?v=…, youtube.com/live/… or youtu.be/…; channels and playlists cannot be watched',
    )
  }
  if (!VIDEO_ID.test(id)) return refuse('has a video id that YouTube does not use (11 letters, digits, - or _)')
  return { ok: true, stream: { kind: 'youtube', key: `youtube:${id}`, url: `https://www.youtube.com/watch?v=${id}` } }
}

/** Returns the video id of a YouTube URL; `null` for URLs of channels and other pages. */
function findYouTubeVideoId(url: URL): string | null {
  const [first, second, third] = url.pathname.split('/').filter((part) => part !== '')
  if (normalizeHost(url) === SHORT_HOST) return second === undefined ? (first ?? null) : null
  if (first === 'watch' && second === undefined) return url.searchParams.get('v')
  return first === 'live' && third === undefined ? (second ?? null) : null
}
