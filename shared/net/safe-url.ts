import ipaddr from 'ipaddr.js'

/** Which addresses may be reached. A gateway on a shared machine must not reach private addresses. */
export type AddressPolicy = { readonly allowPrivateNetworks: boolean }

/**
 * Returns whether an IP address, in any spelling, is public unicast: not loopback, private, link-local, multicast,
 * carrier-grade NAT, documentation, or a cloud's metadata service. IPv4 in IPv6 is judged as IPv4.
 */
export function isPublicAddress(address: string): boolean {
  const bare = address.replace(/^\[|\]$/g, '').replace(/%.*$/, '')
  return ipaddr.isValid(bare) && isPublic(ipaddr.process(bare))
}

function isPublic(ip: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  if (ip.range() !== 'unicast' || ip.toString() === AZURE_PLATFORM) return false
  return !(ip instanceof ipaddr.IPv6) || ip.match(GLOBAL_UNICAST_V6)
}

/** Azure's platform service, which has a public address. */
const AZURE_PLATFORM = '168.63.129.16'

/** The allocated range of global unicast (RFC 4291 §2.4). NAT64, 6to4 and others are separate ranges. */
const GLOBAL_UNICAST_V6 = ipaddr.IPv6.parseCIDR('2000::/3')

/** Host names of the local machine or network, whatever they resolve to. */
const PRIVATE_NAME = /(?:^|\.)(?:localhost|local|internal|home\.arpa)\.?$/i

/** Problem of a valid URL that the policy forbids. */
export const PRIVATE_ADDRESS = 'points to a private address, which ALLOW_PRIVATE_NETWORKS=false forbids'

export type CheckedUrl = { readonly ok: true; readonly url: URL } | { readonly ok: false; readonly problem: string }

/**
 * Parses a user's URL and refuses schemes other than http(s), credentials and, by policy, private addresses. WHATWG
 * parsing resolves decimal, hex, octal and full-width spellings of an address first. A name may still resolve to a
 * private address: see `guardLookup`.
 */
export function checkUrl(text: string, policy: AddressPolicy): CheckedUrl {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null) return refuse('is not a URL')
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return refuse('must be an http or https URL')
  if (url.username !== '' || url.password !== '') return refuse('must not carry credentials')
  if (!policy.allowPrivateNetworks && isPrivateHost(url.hostname)) return refuse(PRIVATE_ADDRESS)
  return { ok: true, url }
}

function refuse(problem: string): CheckedUrl {
  return { ok: false, problem }
}

/** Returns whether a URL's host is a private address or a name of the local machine or network. */
export function isPrivateHost(hostname: string): boolean {
  const bare = hostname.replace(/^\[|\]$/g, '')
  return ipaddr.isValid(bare) ? !isPublicAddress(bare) : PRIVATE_NAME.test(bare)
}

/** The guard refused a connection; `code` distinguishes this error from network errors. */
export class ForbiddenAddressError extends Error {
  readonly code = 'FORBIDDEN_ADDRESS'
  constructor(host: string) {
    super(`${host} is a private address, which ALLOW_PRIVATE_NETWORKS=false forbids`)
  }
}
