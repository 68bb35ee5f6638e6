import type { ClusterAccess } from './cluster-access.ts'

export type TokenCredentials = { readonly server: string; readonly token: string }

/** Creates the access to a cluster by an address and a fixed token, for runtimes without files and child processes. */
export function createTokenAccess({ server, token }: TokenCredentials): ClusterAccess {
  return { server, namespace: null, getToken: async () => token, fetch: (url, request) => fetch(url, request) }
}
