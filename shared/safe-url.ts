import ipaddr from 'ipaddr.js'

/** Which addresses may be reached: on one's own machine private ones too, on a shared one public ones only. */
export type AddressPolicy = { readonly allowPrivateNetworks: boolean }

/**
 * Whether an IP address, in any of its spellings, is a public unicast one: not loopback, private, link-local,
 * multicast, carrier-grade NAT, documentation, or a cloud's metadata service. IPv4 inside IPv6 counts as the IPv4.
 */
export function isPublicAddress(address: string): boolean {
  const bare = address.replace(/^\[|\]$/g, '').replace(/%.*$/, '')
  return ipaddr.isValid(bare) && isPublic(ipaddr.process(bare))
}

function isPublic(ip: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  if (ip.range() !== 'unicast' || ip.toString() === AZURE_PLATFORM) return false
  return !(ip instanceof ipaddr.IPv6) || ip.match(GLOBAL_UNICAST_V6)
}

/** Public by its number, and the platform's own service inside of Azure. */
const AZURE_PLATFORM = '168.63.129.16'

/** RFC 4291 §2.4: what is handed out as global unicast today; NAT64, 6to4 and the like are ranges of their own. */
const GLOBAL_UNICAST_V6 = ipaddr.IPv6.parseCIDR('2000::/3')

/** Host names that name a machine or a network of one's own, whatever they resolve to. */
const PRIVATE_NAME = /(?:^|\.)(?:localhost|local|internal|home\.arpa)\.?$/i

/** What is wrong with a URL that is sound and still must not be fetched. */
export const PRIVATE_ADDRESS = 'points to a private address, which ALLOW_PRIVATE_NETWORKS=false forbids'

export type UrlVerdict = { readonly ok: true; readonly url: URL } | { readonly ok: false; readonly problem: string }

/**
 * Parses a URL that a user gave and refuses what must not be fetched: another scheme than http(s), credentials, and,
 * by policy, private addresses. The host is judged after WHATWG parsing, which turns decimal, hex, octal and
 * full-width spellings into an address. A name may still resolve to a private address: see `guardLookup`.
 */
export function checkUrl(text: string, policy: AddressPolicy): UrlVerdict {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null) return refuse('is not a URL')
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return refuse('must be an http or https URL')
  if (url.username !== '' || url.password !== '') return refuse('must not carry credentials')
  if (!policy.allowPrivateNetworks && isPrivateHost(url.hostname)) return refuse(PRIVATE_ADDRESS)
  return { ok: true, url }
}

function refuse(problem: string): UrlVerdict {
  return { ok: false, problem }
}

/** Whether a URL's host is a private address or a name that can only mean one. */
export function isPrivateHost(hostname: string): boolean {
  const bare = hostname.replace(/^\[|\]$/g, '')
  return ipaddr.isValid(bare) ? !isPublicAddress(bare) : PRIVATE_NAME.test(bare)
}

/** The error of a connection that the guard refused; `code` tells it from the network's own. */
export class ForbiddenAddressError extends Error {
  readonly code = 'FORBIDDEN_ADDRESS'
  constructor(host: string) {
    super(`${host} is a private address, which ALLOW_PRIVATE_NETWORKS=false forbids`)
  }
}
