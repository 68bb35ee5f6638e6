import * as v from 'valibot'

import { readSettings, type ClusterSettings, type GivenSettings, type Settings } from '../../config.ts'
import type { Presets } from '../../job-settings.ts'
import type { Env } from '../../setting-fields.ts'
import { SettingsError } from '../../settings-error.ts'

const text = v.pipe(v.string(), v.trim())

const httpUrl = v.pipe(
  text,
  v.check((value) => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol), 'must be an http or https URL'),
)

/** A setting that has no default here. */
function needed(why: string) {
  return v.pipe(v.optional(text, ''), v.nonEmpty(`must be set: ${why}`))
}

/** What only a fetch runtime reads or cannot do without; the rest, and the form of most of this, is `readSettings`' to judge. */
const EdgeEnvironment = v.object({
  DATABASE_URL: needed('there is no embedded database here'),
  GATEWAY_URL: needed('it is where workers reach this gateway'),
  NAMESPACE: needed('it is where in the cluster the workers run'),
  KUBERNETES_URL: v.pipe(needed('it is the API server of the cluster that runs the workers'), httpUrl),
  KUBERNETES_TOKEN: needed("it is the token of the gateway's service account in the cluster"),
  DNS_OVER_HTTPS_URL: v.optional(httpUrl),
  WEBHOOK_EGRESS_URL: v.optional(httpUrl),
  WEBHOOK_EGRESS_TOKEN: v.optional(text, ''),
  API_KEY: v.optional(text, ''),
  INTERNAL_API_KEY: v.optional(text, ''),
  WEBHOOK_SIGNING_KEY: v.optional(text, ''),
})
type EdgeEnvironment = v.InferOutput<typeof EdgeEnvironment>

/** How webhooks are kept from private addresses on a runtime that does not say where it connects to. */
export type WebhookGuard =
  /** They may go anywhere. */
  | { readonly kind: 'none' }
  /** We resolve the name and judge its addresses before the request: see `resolve-name.ts`. */
  | { readonly kind: 'resolver'; readonly url: string }
  /** A service that judges the address it connects to sends them for us: see `webhook-sender.ts`. */
  | { readonly kind: 'egress'; readonly url: string; readonly token: string }

/** All that a gateway on a fetch runtime is made from. */
export type EdgeSettings = {
  readonly settings: Settings
  readonly databaseUrl: string
  /** Where the workers run: as Pods of this namespace, by this API server. */
  readonly cluster: ClusterSettings & { readonly url: string; readonly token: string; readonly namespace: string }
  readonly webhookGuard: WebhookGuard
}

/**
 * Reads the settings of a fetch runtime from its bindings and what it comes with, which is always production: what `readSettings` checks, what
 * has no default here, and what cannot be done here, which is refused and not ignored.
 * @throws SettingsError naming everything that is wrong at once
 */
export function readEdgeSettings(bindings: object, presets: Presets): EdgeSettings {
  const env = settingsOf(bindings)
  const [common, commonProblems] = readCommon({ ...env, NODE_ENV: 'production' })
  const own = { ...env, DATABASE_URL: env['DATABASE_URL'] ?? env['DB_DSN'] }
  const edge = v.safeParse(EdgeEnvironment, own, { abortPipeEarly: true })
  const edgeProblems = (edge.issues ?? []).map((issue) => `${v.getDotPath(issue)} ${issue.message}`)
  const problems = [...new Set([...impossible(env), ...commonProblems, ...edgeProblems, ...guardProblems(env)])]
  if (common === null || !edge.success || problems.length > 0) throw new SettingsError(problems)
  return toEdgeSettings(common, edge.output, presets)
}

/** Bindings may be numbers and switches as well; what is an object is a service or a store, and no setting. */
function settingsOf(bindings: object): Env {
  const isSetting = (value: unknown) => ['string', 'number', 'boolean'].includes(typeof value) && value !== ''
  return Object.fromEntries(
    Object.entries(bindings).flatMap(([name, value]) => (isSetting(value) ? [[name, String(value)]] : [])),
  )
}

function readCommon(env: Env): [GivenSettings | null, readonly string[]] {
  try {
    return [readSettings(env), []]
  } catch (error) {
    if (error instanceof SettingsError) return [null, error.problems]
    throw error
  }
}

/** What a fetch runtime does not have, and what to do instead. */
const IMPOSSIBLE: Readonly<Record<string, string>> = {
  PORT: 'cannot be set: the platform listens here, not the gateway',
  HOST: 'cannot be set: the platform listens here, not the gateway',
  INTERNAL_PORT: 'cannot be set: all routes are at one address here',
  DATA_DIR: 'cannot be set: there is no disk here; DATABASE_URL and the keys take its place',
  KUBECONFIG: 'cannot be set: there are no files here; KUBERNETES_URL and KUBERNETES_TOKEN take its place',
  PRESETS_FILE: 'cannot be set: there are no files here; edit gateway/jobs/presets.yaml before it is deployed',
}

function impossible(env: Env): string[] {
  const found = Object.entries(IMPOSSIBLE).filter(([name]) => env[name] !== undefined)
  const problems = found.map(([name, why]) => `${name} ${why}`)
  const launches = env['LAUNCHER'] === 'kubernetes'
  return launches ? problems : [...problems, 'LAUNCHER must be kubernetes: no process can be started here']
}

function guardProblems(env: Env): string[] {
  const resolver = env['DNS_OVER_HTTPS_URL'] !== undefined
  const egress = env['WEBHOOK_EGRESS_URL'] !== undefined
  if (resolver && egress) {
    return ['DNS_OVER_HTTPS_URL cannot be set with WEBHOOK_EGRESS_URL: the egress service resolves names itself']
  }
  if (egress && env['WEBHOOK_EGRESS_TOKEN'] === undefined) {
    return ['WEBHOOK_EGRESS_TOKEN must be set with WEBHOOK_EGRESS_URL: the egress service is for this gateway alone']
  }
  if (resolver || egress || env['ALLOW_PRIVATE_NETWORKS'] === 'true') return []
  return [
    'DNS_OVER_HTTPS_URL or WEBHOOK_EGRESS_URL must be set: nobody sees here which address a webhook goes to; ' +
      'or ALLOW_PRIVATE_NETWORKS=true, which lets them go anywhere',
  ]
}

function toEdgeSettings(common: GivenSettings, edge: EdgeEnvironment, presets: Presets): EdgeSettings {
  const { API_KEY, INTERNAL_API_KEY, WEBHOOK_SIGNING_KEY, DATABASE_URL, NAMESPACE } = edge
  const { workerImage = '', workerSecret = '', kubeconfig = null, deployment = null } = common.cluster ?? {}
  return {
    settings: {
      ...common,
      keys: { API_KEY, INTERNAL_API_KEY, WEBHOOK_SIGNING_KEY },
      jobs: { ...common.jobs, presets },
    },
    databaseUrl: DATABASE_URL,
    cluster: {
      url: edge.KUBERNETES_URL,
      token: edge.KUBERNETES_TOKEN,
      namespace: NAMESPACE,
      workerImage,
      workerSecret,
      kubeconfig,
      deployment,
    },
    webhookGuard: guardOf(edge, common.allowPrivateNetworks),
  }
}

function guardOf(edge: EdgeEnvironment, allowPrivateNetworks: boolean): WebhookGuard {
  const { WEBHOOK_EGRESS_URL: egress, WEBHOOK_EGRESS_TOKEN: token, DNS_OVER_HTTPS_URL: resolver } = edge
  if (egress !== undefined) return { kind: 'egress', url: egress, token }
  return resolver === undefined || allowPrivateNetworks ? { kind: 'none' } : { kind: 'resolver', url: resolver }
}
