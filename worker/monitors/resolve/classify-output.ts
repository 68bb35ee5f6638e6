import { rankRenditions, type StreamVariant } from '../playlist/master-playlist.ts'
import type { RenditionChoice, StreamResolution, StreamSource } from '../stream.ts'
import { classifyMessage } from './site-messages.ts'
import { parseStreamlink, type StreamlinkListing } from './streamlink.ts'
import { parseYtDlp, type YtDlpFormat, type YtDlpPage } from './yt-dlp.ts'

/** Output of a resolver that has exited. */
export type ResolverOutput = { readonly stdout: string; readonly stderr: string }

/** Classifies yt-dlp's output. Its exit code is 1 for every failure, so its message decides. */
export function classifyYtDlp({ stdout, stderr }: ResolverOutput): StreamResolution {
  const page = parseYtDlp(stdout)
  return page === null ? classifyMessage(stderr) : classifyPage(page)
}

function classifyPage(page: YtDlpPage): StreamResolution {
  switch (page.live_status) {
    case 'is_live':
      return toLive(page)
    case 'is_upcoming': {
      const releaseAtMs = page.release_timestamp === null ? null : page.release_timestamp * 1000
      return { kind: 'upcoming', releaseAtMs, title: cleanTitle(page) }
    }
    case 'was_live':
    case 'post_live':
      return { kind: 'ended', reason: 'was_live' }
    case 'not_live':
      return { kind: 'ended', reason: 'not_live' }
    case null:
    default:
      return classifyWithoutStatus(page)
  }
}

/** Classifies a page without a status. An HLS or DASH format without a duration may be live, except on YouTube. */
function classifyWithoutStatus(page: YtDlpPage): StreamResolution {
  if (page.is_live === true) return toLive(page)
  if (page.is_live === false || page.duration !== null) return { kind: 'ended', reason: 'not_live' }
  const isStream = (format: YtDlpFormat) => isHls(format) || findMpdUrl(format) !== null
  const mayBeLive = page.extractor_key !== 'Youtube' && (page.formats ?? []).some(isStream)
  return mayBeLive ? toLive(page) : { kind: 'passing', message: 'the page does not say whether it is live' }
}

function toLive(page: YtDlpPage): StreamResolution {
  const formats = (page.formats ?? []).filter(isHls)
  const sound = formats.find(({ vcodec, acodec }) => vcodec === 'none' && acodec !== 'none')
  const ranked = rankRenditions({ variants: formats.map((format) => toVariant(format, sound?.url ?? null)) })
  const choices = ranked.length > 0 ? ranked : toMpdChoices((page.formats ?? []).map(findMpdUrl))
  const [renditions = []] = choices
  const [first] = renditions
  if (first === undefined) {
    return { kind: 'blocked', cause: 'format_unavailable', message: 'live, but no HLS or DASH format is offered' }
  }
  return {
    kind: 'live',
    source: {
      renditions,
      ...withChoices(choices),
      title: cleanTitle(page),
      by: 'yt-dlp',
      expiresAtMs: parseExpiryMs(first.url),
    },
  }
}

function isHls({ url, protocol, has_drm }: YtDlpFormat): boolean {
  return (protocol === 'm3u8_native' || protocol === 'm3u8') && /^https?:/i.test(url) && has_drm !== true
}

/** Returns the URL of the MPD that a DASH format is from; `null` for other formats. */
function findMpdUrl({ manifest_url, url, protocol, has_drm }: YtDlpFormat): string | null {
  if (protocol !== 'http_dash_segments' || has_drm === true) return null
  return [manifest_url, url].find((each) => /^https?:/i.test(each ?? '')) ?? null
}

/** Returns the first MPD as the only choice. Its own renditions are found once it is fetched. */
function toMpdChoices(urls: readonly (string | null)[]): readonly RenditionChoice[] {
  const url = urls.find((each) => each !== null)
  return url === undefined || url === null ? [] : [[{ url, tracks: 'both' }]]
}

/** Converts a format to a variant. `none` stands for an absent track, `null` for an unknown one. */
function toVariant({ url, height, tbr, vcodec, acodec }: YtDlpFormat, soundUrl: string | null): StreamVariant {
  const isMute = acodec === 'none'
  return {
    url,
    bandwidth: tbr === null ? null : tbr * 1000,
    lines: height,
    hasPicture: vcodec !== 'none',
    hasSound: !isMute || soundUrl !== null,
    soundUrls: isMute && soundUrl !== null ? [soundUrl] : [],
  }
}

/** Returns the title without the time of the call, which yt-dlp appends for live streams. */
function cleanTitle({ title }: YtDlpPage): string | null {
  return title?.replace(/ \d{4}-\d\d-\d\d \d\d:\d\d$/, '') ?? null
}

/** Classifies streamlink's output. It does not separate live from recorded streams; the playlist does. */
export function classifyStreamlink({ stdout, stderr }: ResolverOutput): StreamResolution {
  const listing = parseStreamlink(stdout)
  if (listing === null) return classifyMessage(`${stdout}\n${stderr}`)
  return 'error' in listing ? classifyMessage(listing.error) : classifyListing(listing)
}

function classifyListing({ streams, metadata }: Exclude<StreamlinkListing, { error: string }>): StreamResolution {
  const ranked = rankRenditions({ variants: Object.entries(streams).flatMap(toVariants) })
  const choices = ranked.length > 0 ? ranked : toMpdChoices(Object.values(streams).map(findStreamlinkMpd))
  const [renditions = []] = choices
  const [first] = renditions
  if (first === undefined) return { kind: 'passing', message: 'streamlink found no HLS or DASH stream' }
  const title = metadata?.title ?? null
  const expiresAtMs = parseExpiryMs(first.url)
  return { kind: 'live', source: { renditions, ...withChoices(choices), title, by: 'streamlink', expiresAtMs } }
}

function findStreamlinkMpd({ type, url }: { type: string; url?: string | undefined }): string | null {
  return type === 'dash' && url !== undefined && /^https?:/i.test(url) ? url : null
}

/** Returns the choices of a source where there are several. */
function withChoices(choices: readonly RenditionChoice[]): Pick<StreamSource, 'choices'> {
  return choices.length > 1 ? { choices } : {}
}

/** Converts a named stream to at most one variant. A name like `720p60` holds the height; else `worst` ranks first. */
function toVariants([name, { type, url }]: readonly [
  string,
  { type: string; url?: string | undefined },
]): StreamVariant[] {
  if (type !== 'hls' || url === undefined || !/^https?:/i.test(url)) return []
  const lines = /^(\d+)p/.exec(name)?.[1]
  const hasPicture = !name.includes('audio')
  const bandwidth = name === 'worst' ? 0 : null
  return [
    { url, bandwidth, lines: lines === undefined ? null : Number(lines), hasPicture, hasSound: true, soundUrls: [] },
  ]
}

/** Returns a URL's expiry in ms since 1970, from `expire` in its path (YouTube) or query; `null` where it has none. */
function parseExpiryMs(url: string): number | null {
  const match = /[/?&]expires?[/=](\d{10})(?=[/&?#]|$)/.exec(url)
  return match === null ? null : Number(match[1]) * 1000
}
