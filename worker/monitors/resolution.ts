import { parseStreamlink, type StreamlinkListing } from '../platform/streamlink.ts'
import { parseYtDlp, type YtDlpFormat, type YtDlpPage } from '../platform/yt-dlp.ts'
import { chooseRenditions, type Variant } from './master-playlist.ts'
import { meaningOf } from './site-messages.ts'
import type { Resolution } from './snapshot.ts'

/** What a program that has ended wrote. */
type Output = { readonly stdout: string; readonly stderr: string }

/** What yt-dlp says of the stream. Its exit code is 1 for every failure, so that its words decide. */
export function classifyYtDlp({ stdout, stderr }: Output): Resolution {
  const page = parseYtDlp(stdout)
  return page === null ? meaningOf(stderr) : classifyPage(page)
}

function classifyPage(page: YtDlpPage): Resolution {
  switch (page.live_status) {
    case 'is_live':
      return live(page)
    case 'is_upcoming': {
      const releaseAtMs = page.release_timestamp === null ? null : page.release_timestamp * 1000
      return { kind: 'upcoming', releaseAtMs, title: titleOf(page) }
    }
    case 'was_live':
    case 'post_live':
      return { kind: 'ended', reason: 'was_live' }
    case 'not_live':
      return { kind: 'ended', reason: 'not_live' }
    case null:
    default:
      return withoutStatus(page)
  }
}

/** YouTube's status is missing at times; elsewhere a manifest without a duration may be live, as its playlist shows. */
function withoutStatus(page: YtDlpPage): Resolution {
  if (page.is_live === true) return live(page)
  if (page.is_live === false || page.duration !== null) return { kind: 'ended', reason: 'not_live' }
  const isKnown = page.extractor_key !== 'Youtube' && (page.formats ?? []).some(isHls)
  return isKnown ? live(page) : { kind: 'passing', message: 'the page does not say whether it is live' }
}

function live(page: YtDlpPage): Resolution {
  const formats = (page.formats ?? []).filter(isHls)
  const sound = formats.find(({ vcodec, acodec }) => vcodec === 'none' && acodec !== 'none')
  const renditions = chooseRenditions({ variants: formats.map((format) => fromFormat(format, sound?.url ?? null)) })
  const [first] = renditions
  if (first === undefined) {
    return { kind: 'blocked', cause: 'format_unavailable', message: 'live, but no HLS format is offered' }
  }
  return { kind: 'live', source: { renditions, title: titleOf(page), by: 'yt-dlp', expiresAtMs: expiryOf(first.url) } }
}

function isHls({ url, protocol, has_drm }: YtDlpFormat): boolean {
  return (protocol === 'm3u8_native' || protocol === 'm3u8') && /^https?:/i.test(url) && has_drm !== true
}

/** `none` is yt-dlp's word for a side that is not there; `null` means that it does not know. */
function fromFormat({ url, height, tbr, vcodec, acodec }: YtDlpFormat, soundUrl: string | null): Variant {
  const isMute = acodec === 'none'
  return {
    url,
    bandwidth: tbr === null ? null : tbr * 1000,
    lines: height,
    hasPicture: vcodec !== 'none',
    hasSound: !isMute || soundUrl !== null,
    soundUrl: isMute ? soundUrl : null,
  }
}

/** yt-dlp appends the time of the call to the title of what is live. */
function titleOf({ title }: YtDlpPage): string | null {
  return title?.replace(/ \d{4}-\d\d-\d\d \d\d:\d\d$/, '') ?? null
}

/** What streamlink says of the stream. It does not tell live from recorded: the playlist will. */
export function classifyStreamlink({ stdout, stderr }: Output): Resolution {
  const listing = parseStreamlink(stdout)
  if (listing === null) return meaningOf(`${stdout}\n${stderr}`)
  return 'error' in listing ? meaningOf(listing.error) : fromListing(listing)
}

function fromListing({ streams, metadata }: Exclude<StreamlinkListing, { error: string }>): Resolution {
  const renditions = chooseRenditions({ variants: Object.entries(streams).flatMap(fromStream) })
  const [first] = renditions
  if (first === undefined) return { kind: 'passing', message: 'streamlink found no HLS stream' }
  const title = metadata?.title ?? null
  return { kind: 'live', source: { renditions, title, by: 'streamlink', expiresAtMs: expiryOf(first.url) } }
}

/** A name such as `720p60` says the height; where none does, `worst` is the one to take. */
function fromStream([name, { type, url }]: readonly [string, { type: string; url?: string | undefined }]): Variant[] {
  if (type !== 'hls' || url === undefined || !/^https?:/i.test(url)) return []
  const lines = /^(\d+)p/.exec(name)?.[1]
  const hasPicture = !name.includes('audio')
  const bandwidth = name === 'worst' ? 0 : null
  return [
    { url, bandwidth, lines: lines === undefined ? null : Number(lines), hasPicture, hasSound: true, soundUrl: null },
  ]
}

/** When a URL stops working, in ms since 1970, where it says so: `expire` in its path (YouTube) or its query. */
function expiryOf(url: string): number | null {
  const match = /[/?&]expires?[/=](\d{10})(?=[/&?#]|$)/.exec(url)
  return match === null ? null : Number(match[1]) * 1000
}
