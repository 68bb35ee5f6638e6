import { parseAddress, type AddressBlock, type IpAddress } from '../settings/address-blocks.ts'

/**
 * Returns the address of a client. `peer` is the address of the connection; where that is a trusted proxy, it is the last
 * address of `X-Forwarded-For` that is none. What stands before that in the header may be forged, and is ignored.
 */
export function findClientAddress(
  peer: string,
  forwardedFor: string | undefined,
  trusted: readonly AddressBlock[],
): string {
  let client = parseAddress(peer.replace(/%.*$/, ''))
  if (client === null) return peer
  const hops = (forwardedFor ?? '').split(',')
  while (hops.length > 0 && isTrusted(client, trusted)) {
    const next = parseAddress(withoutPort((hops.pop() ?? '').trim()))
    if (next === null) break
    client = next
  }
  return client.toString()
}

/** Returns how counters name a client: by its address, or by the /64 within which one of IPv6 takes any (RFC 4862 §5.5). */
export function networkOf(address: string): string {
  const parsed = parseAddress(address)
  if (parsed === null || !('parts' in parsed)) return address
  const prefix = parsed.parts.slice(0, 4).map((part) => part.toString(16))
  return `${prefix.join(':')}::/64`
}

function isTrusted(address: IpAddress, trusted: readonly AddressBlock[]): boolean {
  return trusted.some(([network, length]) => network.kind() === address.kind() && address.match(network, length))
}

/** Returns an entry of the header without the port that some proxies add: `192.0.2.1:4711`, `[2001:db8::1]:4711`. */
function withoutPort(entry: string): string {
  const [, v6, v4] = /^(?:\[([^\]]*)\](?::\d+)?|([\d.]+):\d+)$/.exec(entry) ?? []
  return v6 ?? v4 ?? entry
}
