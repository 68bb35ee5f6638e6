import dns from 'node:dns'

import { RequestError, Server } from 'proxy-chain'

import { guardLookup } from '../../shared/guarded-lookup.ts'
import { ForbiddenAddressError, isPrivateHost } from '../../shared/safe-url.ts'

export type AddressGuardProxy = AsyncDisposable & { readonly url: string }

/**
 * Starts a forward proxy on 127.0.0.1 that reaches public addresses only, for programs that open connections of their
 * own. With `upstream`, everything goes on through that proxy, which resolves the names: only literal addresses and
 * names of one's own network are refused here then.
 */
export async function startAddressGuardProxy(upstream: string | null): Promise<AddressGuardProxy> {
  const route = upstream === null ? { dnsLookup: asDnsLookup(guardLookup(dns.lookup)) } : { upstreamProxyUrl: upstream }
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

/** proxy-chain hands it to `net.connect`, which calls it as a plain function: the promise form is never asked for. */
function asDnsLookup(lookup: ReturnType<typeof guardLookup>): typeof dns.lookup {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return lookup as typeof dns.lookup
}
