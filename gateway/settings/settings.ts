/** The settings of the kernel, checked and with their defaults. Each system has its own beside them. */

import type { AddressBlock } from './address-blocks.ts'
import type { MailSettings } from './mail.ts'

/** The keys by which clients, operators and receivers know a gateway. */
export const KEY_NAMES = ['API_KEY', 'INTERNAL_API_KEY', 'WEBHOOK_SIGNING_KEY'] as const
type KeyName = (typeof KEY_NAMES)[number]
export type Keys = Readonly<Record<KeyName, string>>

export type LogLevelSetting = 'error' | 'warn' | 'info' | 'debug'

/** What it takes to run workers as Pods. */
export type ClusterSettings = {
  readonly workerImage: string
  /** The Secret that holds the workers' secret variables. */
  readonly workerSecret: string
  /** `null`: the namespace of the kubeconfig's context, or of the gateway's own Pod. */
  readonly namespace: string | null
  /** The path of a kubeconfig; `null`: the cluster's own access, or the user's kubeconfig. */
  readonly kubeconfig: string | null
  /** The Deployment that owns the Pods, so that they are deleted with it; `null`: none. */
  readonly deployment: string | null
}

/** Durations are in milliseconds. */
export type Settings = {
  readonly port: number
  readonly host: string
  readonly internalPort: number | null
  /** Where users reach the API; `null`: unknown. */
  readonly publicUrl: string | null
  /** Where workers reach the internal routes. */
  readonly gatewayUrl: string
  readonly logLevel: LogLevelSetting
  readonly keys: Keys
  /** `null`: workers are processes of this machine. */
  readonly cluster: ClusterSettings | null
  readonly workerStartupTimeoutMs: number
  readonly reconcileIntervalMs: number
  /** Longest time for one comparison of records with workers; the next comparison continues. */
  readonly reconcileTimeoutMs: number
  readonly allowPrivateNetworks: boolean
  readonly allowAnySite: boolean
  readonly writesPerMinute: number
  readonly readsPerMinute: number
  /** Proxies whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly AddressBlock[]
  /** `null`: no e-mail is sent. */
  readonly mail: MailSettings | null
  /** Where traces are sent by OTLP over HTTP; `null`: nowhere. */
  readonly otlpEndpoint: string | null
  /** Names of settings that are set but have no use. */
  readonly unusedSettings: readonly string[]
  /** Variables that every worker's environment takes over from the gateway's, as written. */
  readonly workerEnv: Readonly<Record<string, string>>
}

/** The settings as far as the environment has them: the entry generates missing keys, since it may read files. */
export type GivenSettings = Omit<Settings, 'keys'> & {
  /** `null`: an embedded database below `dataDir`. */
  readonly databaseUrl: string | null
  readonly dataDir: string
  readonly givenKeys: Partial<Keys>
}
