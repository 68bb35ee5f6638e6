import { isPrivateHost, PRIVATE_ADDRESS, type AddressPolicy } from './safe-url.ts'

/** A server of RTMP that a broadcast can be published to. */
export type RtmpServer = {
  /** RTMP over TLS. */
  readonly isSecure: boolean
  /** A name, or an address without brackets. */
  readonly hostname: string
  readonly port: number
  /** The application: the path and query of the URL (RTMP 1.0 §7.2.1.1). */
  readonly app: string
  /** The URL in its normal spelling, without a slash at its end. */
  readonly href: string
}

export type CheckedRtmpUrl =
  | { readonly ok: true; readonly server: RtmpServer }
  | { readonly ok: false; readonly problem: string }

/** Ports that platforms use where the address names none. */
const RTMP_PORT = 1935
const RTMPS_PORT = 443

/** Printable ASCII without quotes, angle brackets and backslashes, which servers read in different ways. */
const PLAIN = /^[!#-;=?-[\]-~]+$/

/**
 * Parses the address of a server of RTMP, without a key. Refuses other schemes, credentials, fragments, addresses without an
 * application and, by policy, private addresses in every spelling. A name may still resolve to one: see `guardLookup`.
 */
export function checkRtmpUrl(text: string, policy: AddressPolicy): CheckedRtmpUrl {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null) return { ok: false, problem: 'is not a URL' }
  const problem = findFormProblem(text, url)
  if (problem !== null) return { ok: false, problem }
  const hostname = readHostname(text)
  if (hostname === null) return { ok: false, problem: 'must have a valid host name or address' }
  if (!policy.allowPrivateNetworks && isPrivateHost(hostname)) return { ok: false, problem: PRIVATE_ADDRESS }
  const isSecure = url.protocol === 'rtmps:'
  const usualPort = isSecure ? RTMPS_PORT : RTMP_PORT
  const authority = url.port === '' ? hostname : `${hostname}:${url.port}`
  const app = readApp(url)
  return {
    ok: true,
    server: {
      isSecure,
      hostname: hostname.replace(/^\[|\]$/g, ''),
      port: url.port === '' ? usualPort : Number(url.port),
      app,
      href: `${url.protocol}//${authority}/${app}`,
    },
  }
}

/** Returns what is wrong with the form of an address, wherever it points; `null`: nothing. */
function findFormProblem(text: string, url: URL): string | null {
  const rules: readonly (readonly [boolean, string])[] = [
    [/^rtmps?:$/.test(url.protocol), 'must begin with rtmp:// or rtmps://'],
    [/^rtmps?:\/\/[^/]/i.test(text), 'must name a server, as in rtmp://live.example.com/app'],
    [!/[\s\p{Cc}]/u.test(text), 'must not have spaces or control characters'],
    [url.username === '' && url.password === '', 'must not carry credentials'],
    [url.hash === '', 'must not have a fragment (#)'],
    [url.port !== '0', 'must not have port 0'],
    [readApp(url) !== '', 'must have a path, the application, as in rtmp://live.example.com/app'],
    [PLAIN.test(`${readApp(url)}/`), 'must have a path of printable ASCII characters'],
  ]
  return rules.find(([holds]) => !holds)?.[1] ?? null
}

function readApp({ pathname, search }: URL): string {
  return (pathname + search).replaceAll(/^\/+|\/+$/g, '')
}

/**
 * Returns the host as an http URL would have it: WHATWG parsing normalizes decimal, hex, octal and full-width addresses of
 * special schemes only. `null` where there is none.
 */
function readHostname(text: string): string | null {
  const special = text.replace(/^rtmps?:/i, 'http:')
  const hostname = URL.canParse(special) ? new URL(special).hostname : ''
  return hostname === '' ? null : hostname
}
