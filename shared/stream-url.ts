import { checkUrl, type AddressPolicy } from './safe-url.ts'

/** Which stream URLs a gateway takes. */
export type StreamPolicy = AddressPolicy & { readonly allowAnySite: boolean }

/**
 * A stream as its URL names it. `key` is the same for every spelling of one stream; `url` is the spelling that the
 * resolver is given.
 */
export type StreamUrl = { readonly kind: 'youtube' | 'manifest' | 'page'; readonly key: string; readonly url: string }

export type StreamUrlVerdict =
  | { readonly ok: true; readonly stream: StreamUrl }
  | { readonly ok: false; readonly problem: string }

/** Judges a `stream_url`: which stream it names, or what is wrong with it in words for the user. */
export function readStreamUrl(text: string, policy: StreamPolicy): StreamUrlVerdict {
  const checked = checkUrl(text, policy)
  if (!checked.ok) return checked
  const { url } = checked
  if (isYouTube(url)) return readYouTube(url)
  if (url.pathname.toLowerCase().endsWith('.mpd'))
    return refuse('is a DASH manifest; only HLS manifests (.m3u8) are watched so far')
  if (isManifestUrl(text)) return accept('manifest', url)
  if (policy.allowAnySite) return accept('page', url)
  return refuse(
    'must be a YouTube video (youtube.com/watch?v=…, youtube.com/live/…, youtu.be/…) or an HLS manifest (.m3u8); other pages need ALLOW_ANY_SITE=true',
  )
}

/** Whether a URL is that of an HLS playlist itself, by its path's ending, and not of a page to be resolved. */
export function isManifestUrl(text: string): boolean {
  return URL.canParse(text) && /\.m3u8$/i.test(new URL(text).pathname)
}

function accept(kind: 'manifest' | 'page', url: URL): StreamUrlVerdict {
  url.hash = ''
  return { ok: true, stream: { kind, key: `${kind}:${plainest(url)}`, url: url.href } }
}

/** RFC 3986 §6.2: one spelling for URLs that differ in nothing but spelling. */
function plainest(url: URL): string {
  const plain = new URL(url)
  plain.hostname = bareHost(url)
  plain.search = url.search
  plain.pathname = url.pathname.replaceAll(/%[\da-f]{2}/gi, decodeUnreserved)
  return plain.href
}

function decodeUnreserved(escaped: string): string {
  const character = String.fromCharCode(Number.parseInt(escaped.slice(1), 16))
  return /[\w.~-]/.test(character) ? character : escaped.toUpperCase()
}

function refuse(problem: string): StreamUrlVerdict {
  return { ok: false, problem }
}

const YOUTUBE_HOSTS = new Set(['youtube.com', 'www.youtube.com', 'm.youtube.com', 'music.youtube.com'])
const SHORT_HOST = 'youtu.be'

function isYouTube(url: URL): boolean {
  const host = bareHost(url)
  return host === SHORT_HOST || YOUTUBE_HOSTS.has(host)
}

function bareHost(url: URL): string {
  return url.hostname.replace(/\.$/, '')
}

const VIDEO_ID = /^[A-Za-z0-9_-]{11}$/

function readYouTube(url: URL): StreamUrlVerdict {
  const id = youTubeVideoId(url)
  if (id === null) {
    return refuse(
      'must name one video: youtube.com/watch?v=…, youtube.com/live/… or youtu.be/…; channels and playlists cannot be watched',
    )
  }
  if (!VIDEO_ID.test(id)) return refuse('has a video id that YouTube does not use (11 letters, digits, - or _)')
  return { ok: true, stream: { kind: 'youtube', key: `youtube:${id}`, url: `https://www.youtube.com/watch?v=${id}` } }
}

/** The video that a YouTube URL names, or `null` where it names none, as a channel's. */
function youTubeVideoId(url: URL): string | null {
  const [first, second, third] = url.pathname.split('/').filter((part) => part !== '')
  if (bareHost(url) === SHORT_HOST) return second === undefined ? (first ?? null) : null
  if (first === 'watch' && second === undefined) return url.searchParams.get('v')
  return first === 'live' && third === undefined ? (second ?? null) : null
}
