import { isDeepStrictEqual } from 'node:util'

import type { KubeConfig } from '@kubernetes/client-node'
import { Agent, fetch } from 'undici'

import { withDeadline } from '../../deadline.ts'
import type { ClusterAccess } from './cluster-access.ts'
import {
  clusterOf,
  hasPlugin,
  loadKubeconfig,
  readCredentials,
  type Credentials,
  type KubeconfigSource,
  type Tls,
} from './kubeconfig.ts'

/** How long credentials are used before they are read anew, in ms: a token file is replaced well before its end. */
const FRESH_MS = 60_000
/** Credentials younger than this are not read anew because the server refused them, in ms. */
const SETTLED_MS = 1000
/** How long a plug-in has, in ms. */
const READ_WITHIN_MS = 30_000

/**
 * A cluster as kubectl knows it: by kubeconfig with its plug-ins and certificates, or from within a Pod. Files are read
 * and plug-ins run again as they grow old, or when the server refuses what they gave.
 * @throws where no cluster is written down, or it cannot be used
 */
export async function accessByKubeconfig(source: KubeconfigSource): Promise<ClusterAccess & AsyncDisposable> {
  // Loaded here and not above: it takes a second and 115 MB, which only a cluster is worth.
  const { KubeConfig } = await import('@kubernetes/client-node')
  const load = () => loadKubeconfig(() => new KubeConfig(), source)
  const config = load()
  const keeper = createKeeper(config, load)
  const connections = createConnections()
  return {
    server: clusterOf(config).server,
    namespace: config.getContextObject(config.getCurrentContext())?.namespace?.trim() ?? null,
    token: async () => (await keeper.current()).token,
    async fetch(url, request) {
      const { headers, tls } = await keeper.current()
      const dispatcher = connections.by(tls)
      const answer = await fetch(url, { ...request, headers: { ...request.headers, ...headers }, dispatcher })
      if (answer.status === 401) keeper.renew()
      return answer
    },
    [Symbol.asyncDispose]: () => connections.close(),
  }
}

type Keeper = {
  current(): Promise<Credentials>
  /** The server does not take them. */
  renew(): void
}

function createKeeper(first: KubeConfig, load: () => KubeConfig): Keeper {
  let config: KubeConfig | null = first
  let known: { readonly sinceMs: number; readonly credentials: Promise<Credentials> } | null = null

  async function read(): Promise<Credentials> {
    // What a plug-in gave stands for as long as it said.
    if (config === null || !hasPlugin(config)) config = load()
    return withDeadline(readCredentials(config), READ_WITHIN_MS)
  }

  return {
    async current() {
      if (known === null || performance.now() - known.sinceMs > FRESH_MS) {
        known = { sinceMs: performance.now(), credentials: read() }
      }
      const { credentials } = known
      try {
        return await credentials
      } catch (error) {
        if (known?.credentials === credentials) known = null
        const why = error instanceof Error ? error.message : String(error)
        throw new Error(`credentials cannot be had: ${why}`, { cause: error })
      }
    },
    renew() {
      if (known === null || performance.now() - known.sinceMs < SETTLED_MS) return
      known = null
      config = null
    },
  }
}

type Connections = { by(tls: Tls): Agent; close(): Promise<void> }

/** Certificates belong to connections: new ones want new connections, and the old are closed once they are idle. */
function createConnections(): Connections {
  const agents = new Set<Agent>()
  let current: { readonly tls: Tls; readonly agent: Agent } | null = null

  async function retire(agent: Agent): Promise<void> {
    await agent.close().catch(() => undefined)
    agents.delete(agent)
  }

  return {
    by(tls) {
      if (current !== null && isDeepStrictEqual(current.tls, tls)) return current.agent
      if (current !== null) void retire(current.agent)
      current = { tls, agent: new Agent({ connect: tls, headersTimeout: 0, bodyTimeout: 0 }) }
      agents.add(current.agent)
      return current.agent
    },
    async close() {
      await Promise.all([...agents].map((agent) => agent.destroy()))
    },
  }
}
