import { isDeepStrictEqual } from 'node:util'

import type { KubeConfig } from '@kubernetes/client-node'
import { Agent, fetch } from 'undici'

import { withDeadline } from '../../../shared/with-deadline.ts'
import type { ClusterAccess } from './cluster-access.ts'
import {
  getCurrentCluster,
  loadKubeconfig,
  readCredentials,
  usesCredentialPlugin,
  type Credentials,
  type KubeconfigSource,
  type TlsOptions,
} from './kubeconfig.ts'

/** The age at which credentials are read again, in ms. Kubernetes replaces a token file well before it expires. */
const MAX_AGE_MS = 60_000
/** The age below which a refusal by the server does not cause another read, in ms. */
const MIN_AGE_MS = 1000
/** The timeout of a credential plugin, in ms. */
const READ_TIMEOUT_MS = 30_000

/**
 * Opens a cluster as kubectl does: by a kubeconfig with its plugins and certificates, or by the service account of a Pod.
 * Credentials are read again when they grow old or the server refuses them.
 * @throws where no cluster is configured, or the configuration cannot be used
 */
export async function openKubeconfigAccess(source: KubeconfigSource): Promise<ClusterAccess & AsyncDisposable> {
  // Imported here because it takes a second and 115 MB, which a gateway without a cluster must not pay.
  const { KubeConfig } = await import('@kubernetes/client-node')
  const load = () => loadKubeconfig(() => new KubeConfig(), source)
  const config = load()
  const credentials = createCredentialCache(config, load)
  const agents = createAgentPool()
  return {
    server: getCurrentCluster(config).server,
    namespace: config.getContextObject(config.getCurrentContext())?.namespace?.trim() ?? null,
    getToken: async () => (await credentials.get()).token,
    async fetch(url, request) {
      const { headers, tls } = await credentials.get()
      const dispatcher = agents.agentFor(tls)
      const response = await fetch(url, { ...request, headers: { ...request.headers, ...headers }, dispatcher })
      if (response.status === 401) credentials.invalidate()
      return response
    },
    [Symbol.asyncDispose]: () => agents.close(),
  }
}

type CredentialCache = {
  /** @throws where the credentials cannot be read */
  get(): Promise<Credentials>
  /** Has the credentials read again because the server refused them. */
  invalidate(): void
}

function createCredentialCache(initialConfig: KubeConfig, load: () => KubeConfig): CredentialCache {
  let config: KubeConfig | null = initialConfig
  let cached: { readonly sinceMs: number; readonly credentials: Promise<Credentials> } | null = null

  async function read(): Promise<Credentials> {
    // A plugin's answer is valid until its own expiry, which the loaded configuration keeps.
    if (config === null || !usesCredentialPlugin(config)) config = load()
    return withDeadline(readCredentials(config), READ_TIMEOUT_MS)
  }

  return {
    async get() {
      if (cached === null || performance.now() - cached.sinceMs > MAX_AGE_MS) {
        cached = { sinceMs: performance.now(), credentials: read() }
      }
      const { credentials } = cached
      try {
        return await credentials
      } catch (error) {
        if (cached?.credentials === credentials) cached = null
        const why = error instanceof Error ? error.message : String(error)
        throw new Error(`credentials cannot be read: ${why}`, { cause: error })
      }
    },
    invalidate() {
      if (cached === null || performance.now() - cached.sinceMs < MIN_AGE_MS) return
      cached = null
      config = null
    },
  }
}

type AgentPool = { agentFor(tls: TlsOptions): Agent; close(): Promise<void> }

/** Creates a pool of one agent per set of certificates. An agent whose certificates were replaced closes once idle. */
function createAgentPool(): AgentPool {
  const agents = new Set<Agent>()
  let current: { readonly tls: TlsOptions; readonly agent: Agent } | null = null

  async function retire(agent: Agent): Promise<void> {
    await agent.close().catch(() => undefined)
    agents.delete(agent)
  }

  return {
    agentFor(tls) {
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
