import type { LookupAddress, LookupAllOptions } from 'node:dns'
import type { LookupFunction } from 'node:net'
import type { buildConnector } from 'undici'

import { ForbiddenAddressError, isPrivateHost, isPublicAddress } from './safe-url.ts'

/** The form of `dns.lookup` that the guard uses. */
export type DnsLookup = (
  hostname: string,
  options: LookupAllOptions,
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void

/**
 * Wraps a `lookup` for sockets so that it returns public addresses only. It fails with ForbiddenAddressError for private
 * names and for names without a public address. Because it runs when the connection is made, DNS rebinding cannot
 * bypass it. Sockets do not look up literal addresses: see `guardConnector`.
 */
export function guardLookup(lookup: DnsLookup): LookupFunction {
  return (hostname, options, callback) => {
    if (isPrivateHost(hostname)) return callback(new ForbiddenAddressError(hostname), '', 0)
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, '', 0)
      const allowed = addresses.filter(({ address }) => isPublicAddress(address))
      const [first] = allowed
      if (first === undefined) return callback(new ForbiddenAddressError(hostname), '', 0)
      if (options.all === true) return callback(null, allowed)
      callback(null, first.address, first.family)
    })
  }
}

/** Wraps an undici connector so that it refuses literal private addresses. Combine it with `guardLookup` for names. */
export function guardConnector(connector: buildConnector.connector): buildConnector.connector {
  return (options, callback) => {
    if (isPrivateHost(options.hostname)) return callback(new ForbiddenAddressError(options.hostname), null)
    connector(options, callback)
  }
}
