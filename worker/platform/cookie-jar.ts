/** Keeps the cookies of one stream's servers (RFC 6265 §5), in memory and bounded. */
export type CookieJar = {
  /** Stores the `Set-Cookie` lines of a response from this URL. */
  store(url: URL, lines: readonly string[]): void
  /** Returns the `Cookie` header for a request; `null` without a cookie for it. */
  headerFor(url: URL): string | null
}

type Cookie = {
  readonly name: string
  readonly value: string
  readonly domain: string
  /** It was set without a domain and is for that host alone. */
  readonly isHostOnly: boolean
  readonly path: string
  readonly isSecure: boolean
  /** In ms since 1970; `Infinity` for a session cookie. */
  readonly expiresMs: number
}

const MAX_COOKIES = 100
const MAX_COOKIE_LENGTH = 4096

/** A control character other than a tab. A line with one is no cookie (RFC 6265bis §5.6), and no request can carry it. */
const CONTROL = /[^\t -~\u0080-\u{10ffff}]/u

/** Creates an empty jar. */
export function createCookieJar(now: () => number = Date.now): CookieJar {
  const cookies = new Map<string, Cookie>()

  function add(cookie: Cookie): void {
    const key = JSON.stringify([cookie.name, cookie.domain, cookie.path])
    cookies.delete(key)
    if (cookie.expiresMs > now()) cookies.set(key, cookie)
    for (const oldest of [...cookies.keys()].slice(0, -MAX_COOKIES)) cookies.delete(oldest)
  }

  return {
    store(url, lines) {
      for (const line of lines.slice(0, MAX_COOKIES)) {
        const cookie = parseCookie(line, url, now())
        if (cookie !== null) add(cookie)
      }
    },
    headerFor(url) {
      const matching = [...cookies.values()].filter((cookie) => cookie.expiresMs > now() && isFor(cookie, url))
      if (matching.length === 0) return null
      const ordered = matching.toSorted((a, b) => b.path.length - a.path.length)
      return ordered.map(({ name, value }) => `${name}=${value}`).join('; ')
    },
  }
}

/** Parses a `Set-Cookie` line; `null` for one that is malformed or not for the host that sent it. */
function parseCookie(line: string, url: URL, nowMs: number): Cookie | null {
  if (line.length > MAX_COOKIE_LENGTH || CONTROL.test(line)) return null
  const [pair = '', ...rest] = line.split(';')
  const equals = pair.indexOf('=')
  const name = pair.slice(0, Math.max(equals, 0)).trim()
  if (name === '') return null
  const attributes = new Map(rest.map(parseAttribute))
  const domain = readDomain(attributes)
  if (domain !== '' && !isWithin(url.hostname, domain)) return null
  const path = attributes.get('path') ?? ''
  return {
    name,
    value: pair.slice(equals + 1).trim(),
    domain: domain === '' ? url.hostname : domain,
    isHostOnly: domain === '',
    path: path.startsWith('/') ? path : folderOf(url.pathname),
    isSecure: attributes.has('secure'),
    expiresMs: parseExpiry(attributes, nowMs),
  }
}

function parseAttribute(text: string): [string, string] {
  const equals = text.indexOf('=')
  const name = equals < 0 ? text : text.slice(0, equals)
  return [name.trim().toLowerCase(), equals < 0 ? '' : text.slice(equals + 1).trim()]
}

/** Returns the domain that a cookie names, without the dot at its start. */
function readDomain(attributes: ReadonlyMap<string, string>): string {
  return (attributes.get('domain') ?? '').replace(/^\./, '').toLowerCase()
}

function parseExpiry(attributes: ReadonlyMap<string, string>, nowMs: number): number {
  const maxAge = attributes.get('max-age') ?? ''
  if (/^-?\d{1,12}$/.test(maxAge)) return nowMs + Number(maxAge) * 1000
  const expiresMs = Date.parse(attributes.get('expires') ?? '')
  return Number.isNaN(expiresMs) ? Infinity : expiresMs
}

/** Reports whether a host is a domain or below it. A domain without a dot, such as `com`, has no hosts below it. */
function isWithin(host: string, domain: string): boolean {
  return host === domain || (domain.includes('.') && host.endsWith(`.${domain}`))
}

function folderOf(pathname: string): string {
  return pathname.slice(0, Math.max(pathname.lastIndexOf('/'), 1))
}

function isFor({ domain, isHostOnly, path, isSecure }: Cookie, { hostname, pathname, protocol }: URL): boolean {
  if (isSecure && protocol !== 'https:') return false
  if (isHostOnly ? hostname !== domain : !isWithin(hostname, domain)) return false
  return pathname === path || pathname.startsWith(path.endsWith('/') ? path : `${path}/`)
}
