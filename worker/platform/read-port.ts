import type { AddressInfo } from 'node:net'

/** Returns the port of a server's address; 0 where it does not listen on a port. */
export function readPort(address: AddressInfo | string | null): number {
  return typeof address === 'object' && address !== null ? address.port : 0
}
