import { existsSync } from 'node:fs'
import type { RequestOptions } from 'node:https'
import { homedir } from 'node:os'
import { join } from 'node:path'

import type { Cluster, KubeConfig, User } from '@kubernetes/client-node'
import * as v from 'valibot'

/** Where the address of a cluster and the credentials for it are stored. */
export type KubeconfigSource = {
  /** The path of a kubeconfig; `null`: this Pod's service account, or else `~/.kube/config`. */
  readonly kubeconfig: string | null
  /** The root of the file system that holds the service account: `/`, another folder in tests. */
  readonly root: string
}

/** The credentials of one request. */
export type Credentials = {
  readonly token: string | null
  /** Impersonation headers, such as `Impersonate-User`. */
  readonly headers: Readonly<Record<string, string>>
  readonly tls: TlsOptions
}

export type TlsOptions = Pick<RequestOptions, 'ca' | 'cert' | 'key' | 'servername' | 'rejectUnauthorized'>

const IN_CLUSTER_TOKEN = 'var/run/secrets/kubernetes.io/serviceaccount/token'

/** Loads the configuration as it is stored now. @throws where there is none, or it cannot be used */
export function loadKubeconfig(create: () => KubeConfig, { kubeconfig, root }: KubeconfigSource): KubeConfig {
  const config = create()
  const userConfig = join(homedir(), '.kube', 'config')
  if (kubeconfig !== null) config.loadFromFile(kubeconfig)
  else if (existsSync(join(root, IN_CLUSTER_TOKEN))) config.loadFromCluster(root.replace(/\/$/, ''))
  else if (existsSync(userConfig)) config.loadFromFile(userConfig)
  else throw new Error(`no cluster is known: KUBECONFIG is not set, this is no Pod, and there is no ${userConfig}`)
  config.loadFromOptions({
    clusters: config.clusters.map(adaptCluster),
    users: config.users.map(adaptUser),
    contexts: config.contexts,
    currentContext: config.currentContext,
  })
  return config
}

/** Returns the cluster of the current context. @throws where there is none */
export function getCurrentCluster(config: KubeConfig): Cluster {
  const cluster = config.getCurrentCluster()
  if (cluster !== null) return cluster
  throw new Error(`the kubeconfig has no cluster for its current context "${config.getCurrentContext()}"`)
}

/** Allows plain HTTP, which KubeConfig refuses unless verification is off. @throws where the cluster needs a proxy */
function adaptCluster(cluster: Cluster): Cluster {
  if (cluster.proxyUrl !== undefined) throw new Error(`proxy-url of cluster "${cluster.name}" is not supported`)
  return cluster.server.startsWith('http:') ? { ...cluster, skipTLSVerify: true } : cluster
}

const CredentialPlugin = v.looseObject({ apiVersion: v.string(), env: v.nullish(v.array(v.unknown()), []) })

/** Adds `KUBERNETES_EXEC_INFO`, by which a credential plugin learns its API version and which KubeConfig leaves out. */
function adaptUser(user: User): User {
  const plugin = v.safeParse(CredentialPlugin, user.exec)
  if (!plugin.success) return user
  const { apiVersion, env } = plugin.output
  const info = JSON.stringify({ apiVersion, kind: 'ExecCredential', spec: { interactive: false } })
  return { ...user, exec: { ...plugin.output, env: [...env, { name: 'KUBERNETES_EXEC_INFO', value: info }] } }
}

/** Returns whether the current user's credentials come from a credential plugin (`exec`). */
export function usesCredentialPlugin(config: KubeConfig): boolean {
  return v.is(CredentialPlugin, config.getCurrentUser()?.exec)
}

const Headers = v.record(v.string(), v.string())

/** Reads the credentials of the current user: runs its plugin, or reads its files. @throws where these fail */
export async function readCredentials(config: KubeConfig): Promise<Credentials> {
  const options: RequestOptions = { headers: {} }
  await config.applyToHTTPSOptions(options)
  const { Authorization = '', ...headers } = v.parse(Headers, options.headers)
  const token = /^Bearer\s+(\S+)\s*$/.exec(Authorization)?.[1] ?? null
  return { token, headers, tls: pickTls(options) }
}

function pickTls({ ca, cert, key, servername, rejectUnauthorized }: RequestOptions): TlsOptions {
  const options = Object.entries({ ca, cert, key, servername, rejectUnauthorized })
  return Object.fromEntries(options.filter(([, value]) => value !== undefined))
}
