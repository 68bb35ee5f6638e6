import type { LookupAddress, LookupAllOptions } from 'node:dns'
import type { LookupFunction } from 'node:net'
import type { buildConnector } from 'undici'

import { ForbiddenAddressError, isPrivateHost, isPublicAddress } from './safe-url.ts'

/** `dns.lookup`, as far as the guard uses it. */
export type DnsLookup = (
  hostname: string,
  options: LookupAllOptions,
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void

/**
 * A `lookup` for sockets that hands on only public addresses, and fails with ForbiddenAddressError where a name has none
 * or can only mean a machine of one's own. The check sits where the connection is made, so that a name cannot be judged
 * by one answer and reached by another. Sockets do not look literal addresses up: see `guardConnector`.
 */
export function guardLookup(lookup: DnsLookup): LookupFunction {
  return (hostname, options, callback) => {
    if (isPrivateHost(hostname)) return callback(new ForbiddenAddressError(hostname), '', 0)
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, '', 0)
      const open = addresses.filter(({ address }) => isPublicAddress(address))
      const [first] = open
      if (first === undefined) return callback(new ForbiddenAddressError(hostname), '', 0)
      if (options.all === true) return callback(null, open)
      callback(null, first.address, first.family)
    })
  }
}

/** An undici connector that refuses literal private addresses; pair it with `guardLookup`, which judges names. */
export function guardConnector(connector: buildConnector.connector): buildConnector.connector {
  return (options, callback) => {
    if (isPrivateHost(options.hostname)) return callback(new ForbiddenAddressError(options.hostname), null)
    connector(options, callback)
  }
}
