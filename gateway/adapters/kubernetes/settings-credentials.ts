import type { ClusterAccess } from './cluster-access.ts'

export type GivenCredentials = { readonly server: string; readonly token: string }

/** A cluster by the address and the token that settings give: for runtimes without files, programs or certificates. */
export function accessBySettings({ server, token }: GivenCredentials): ClusterAccess {
  return { server, namespace: null, token: async () => token, fetch: (url, request) => fetch(url, request) }
}
