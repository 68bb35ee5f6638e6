import { existsSync } from 'node:fs'
import type { RequestOptions } from 'node:https'
import { homedir } from 'node:os'
import { join } from 'node:path'

import type { Cluster, KubeConfig, User } from '@kubernetes/client-node'
import * as v from 'valibot'

/** Where a cluster and the credentials for it are written down. */
export type KubeconfigSource = {
  /** The path of a kubeconfig; `null`: the cluster that this process runs in, or else the user's `~/.kube/config`. */
  readonly kubeconfig: string | null
  /** Where the file system begins in which a Pod finds its service account. */
  readonly root: string
}

/** What goes with each request. */
export type Credentials = {
  readonly token: string | null
  /** Whom to act for: `Impersonate-User`. */
  readonly headers: Readonly<Record<string, string>>
  readonly tls: Tls
}

export type Tls = Pick<RequestOptions, 'ca' | 'cert' | 'key' | 'servername' | 'rejectUnauthorized'>

const IN_CLUSTER_TOKEN = 'var/run/secrets/kubernetes.io/serviceaccount/token'

/** The configuration as it is written down now. @throws where there is none, or none that can be used */
export function loadKubeconfig(create: () => KubeConfig, { kubeconfig, root }: KubeconfigSource): KubeConfig {
  const config = create()
  const own = join(homedir(), '.kube', 'config')
  if (kubeconfig !== null) config.loadFromFile(kubeconfig)
  else if (existsSync(join(root, IN_CLUSTER_TOKEN))) config.loadFromCluster(root.replace(/\/$/, ''))
  else if (existsSync(own)) config.loadFromFile(own)
  else throw new Error(`no cluster is known: KUBECONFIG is not set, this is no Pod, and there is no ${own}`)
  config.loadFromOptions({
    clusters: config.clusters.map(usableCluster),
    users: config.users.map(usableUser),
    contexts: config.contexts,
    currentContext: config.currentContext,
  })
  return config
}

/** The cluster of the current context. @throws where there is none */
export function clusterOf(config: KubeConfig): Cluster {
  const cluster = config.getCurrentCluster()
  if (cluster !== null) return cluster
  throw new Error(`the kubeconfig has no cluster for its current context "${config.getCurrentContext()}"`)
}

/** KubeConfig wants leave to go without TLS where there is none. */
function usableCluster(cluster: Cluster): Cluster {
  if (cluster.proxyUrl !== undefined) throw new Error(`proxy-url of cluster "${cluster.name}" is not supported`)
  return cluster.server.startsWith('http:') ? { ...cluster, skipTLSVerify: true } : cluster
}

const ExecPlugin = v.looseObject({ apiVersion: v.string(), env: v.nullish(v.array(v.unknown()), []) })

/** Plug-ins are told which answer is understood, which KubeConfig leaves out. */
function usableUser(user: User): User {
  const plugin = v.safeParse(ExecPlugin, user.exec)
  if (!plugin.success) return user
  const { apiVersion, env } = plugin.output
  const info = JSON.stringify({ apiVersion, kind: 'ExecCredential', spec: { interactive: false } })
  return { ...user, exec: { ...plugin.output, env: [...env, { name: 'KUBERNETES_EXEC_INFO', value: info }] } }
}

/** Whether the current user's credentials come from a program. */
export function hasPlugin(config: KubeConfig): boolean {
  return v.is(ExecPlugin, config.getCurrentUser()?.exec)
}

const Headers = v.record(v.string(), v.string())

/** The credentials of the current user: runs its plug-in, reads its files. @throws where these fail */
export async function readCredentials(config: KubeConfig): Promise<Credentials> {
  const options: RequestOptions = { headers: {} }
  await config.applyToHTTPSOptions(options)
  const { Authorization = '', ...headers } = v.parse(Headers, options.headers)
  const token = /^Bearer\s+(\S+)\s*$/.exec(Authorization)?.[1] ?? null
  return { token, headers, tls: tlsOf(options) }
}

function tlsOf({ ca, cert, key, servername, rejectUnauthorized }: RequestOptions): Tls {
  const given = Object.entries({ ca, cert, key, servername, rejectUnauthorized }).filter(
    ([, value]) => value !== undefined,
  )
  return Object.fromEntries(given)
}
