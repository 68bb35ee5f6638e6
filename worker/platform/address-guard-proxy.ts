import dns from 'node:dns'

import { RequestError, Server } from 'proxy-chain'

import { guardLookup } from '../../shared/net/guarded-lookup.ts'
import { ForbiddenAddressError, isPrivateHost } from '../../shared/net/safe-url.ts'

export type AddressGuardProxy = AsyncDisposable & { readonly url: string }

/**
 * Starts a forward proxy on 127.0.0.1 that reaches public addresses only, for programs that open their own connections.
 * With `upstream`, it forwards to that proxy, which resolves the names; it then refuses only literal private addresses
 * and names of the local network.
 */
export async function startAddressGuardProxy(upstream: string | null): Promise<AddressGuardProxy> {
  const route = upstream === null ? { dnsLookup: toDnsLookup(guardLookup(dns.lookup)) } : { upstreamProxyUrl: upstream }
  const server = new Server({
    port: 0,
    host: '127.0.0.1',
    prepareRequestFunction: ({ hostname }) => {
      if (isPrivateHost(hostname)) throw new RequestError(new ForbiddenAddressError(hostname).message, 403)
      return route
    },
  })
  await server.listen()
  return {
    url: `http://127.0.0.1:${server.port}`,
    [Symbol.asyncDispose]: () => server.close(true),
  }
}

/** Casts to the type that proxy-chain declares. It passes the function to `net.connect`, which needs no promise form. */
function toDnsLookup(lookup: ReturnType<typeof guardLookup>): typeof dns.lookup {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return lookup as typeof dns.lookup
}
