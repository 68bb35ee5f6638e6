import * as v from 'valibot'

import { readSettings } from '../../settings/read-settings.ts'
import type { Env } from '../../settings/fields.ts'
import type { SettingsSection } from '../../settings/section.ts'
import { SettingsError } from '../../settings/settings-error.ts'
import type { ClusterSettings, GivenSettings, Settings } from '../../settings/settings.ts'

const text = v.pipe(v.string(), v.trim())

const httpUrl = v.pipe(
  text,
  v.check((value) => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol), 'must be an http or https URL'),
)

/** Returns the schema of a required setting; `why` completes the message for a missing one. */
function requiredText(why: string) {
  return v.pipe(v.optional(text, ''), v.nonEmpty(`must be set: ${why}`))
}

/** Settings that only a fetch runtime reads or that it requires. `readSettings` checks all others, and most formats. */
const EdgeEnvironment = v.object({
  DATABASE_URL: requiredText('there is no embedded database here'),
  GATEWAY_URL: requiredText('it is where workers reach this gateway'),
  NAMESPACE: requiredText('it is where in the cluster the workers run'),
  KUBERNETES_URL: v.pipe(requiredText('it is the API server of the cluster that runs the workers'), httpUrl),
  KUBERNETES_TOKEN: requiredText("it is the token of the gateway's service account in the cluster"),
  DNS_OVER_HTTPS_URL: v.optional(httpUrl),
  WEBHOOK_EGRESS_URL: v.optional(httpUrl),
  WEBHOOK_EGRESS_TOKEN: v.optional(text, ''),
  API_KEY: v.optional(text, ''),
  INTERNAL_API_KEY: v.optional(text, ''),
  WEBHOOK_SIGNING_KEY: v.optional(text, ''),
})
type EdgeEnvironment = v.InferOutput<typeof EdgeEnvironment>

/** How webhooks are kept from private addresses, on a runtime that does not reveal the address it connects to. */
export type WebhookGuard =
  /** Webhooks may go to any address. */
  | { readonly kind: 'none' }
  /** The gateway resolves the name and checks its addresses before the request: see `resolve-name.ts`. */
  | { readonly kind: 'resolver'; readonly url: string }
  /** An egress service sends the webhooks and checks the address it connects to: see `webhook-sender.ts`. */
  | { readonly kind: 'egress'; readonly url: string; readonly token: string }

/** The complete settings of a gateway on a fetch runtime. */
export type EdgeSettings = {
  /** The bindings that are settings. */
  readonly env: Env
  readonly settings: Settings
  readonly dataDir: string
  readonly databaseUrl: string
  /** The cluster that runs the workers: API server, its token, and the namespace of the Pods. */
  readonly cluster: ClusterSettings & { readonly url: string; readonly token: string; readonly namespace: string }
  readonly webhookGuard: WebhookGuard
}

/**
 * Reads the settings of a fetch runtime from its bindings and what it comes with, which is always production: what `readSettings` checks, what
 * has no default here, and what cannot be done here, which is refused and not ignored.
 * @throws SettingsError naming everything that is wrong at once
 */
export function readEdgeSettings(bindings: object, sections: readonly SettingsSection[]): EdgeSettings {
  const env: Env = { ...toEnv(bindings), NODE_ENV: 'production' }
  const [common, commonProblems] = readCommonSettings(env, sections)
  const own = { ...env, DATABASE_URL: env['DATABASE_URL'] ?? env['DB_DSN'] }
  const edge = v.safeParse(EdgeEnvironment, own, { abortPipeEarly: true })
  const edgeProblems = (edge.issues ?? []).map((issue) => `${v.getDotPath(issue)} ${issue.message}`)
  const problems = [
    ...new Set([
      ...findUnsupportedSettings(env, sections),
      ...commonProblems,
      ...edgeProblems,
      ...findGuardProblems(env),
    ]),
  ]
  if (common === null || !edge.success || problems.length > 0) throw new SettingsError(problems)
  return toEdgeSettings(common, edge.output, env)
}

/** Returns the bindings that are settings, as text. Numbers and booleans count; objects are services or stores. */
function toEnv(bindings: object): Env {
  const isSetting = (value: unknown) => ['string', 'number', 'boolean'].includes(typeof value) && value !== ''
  return Object.fromEntries(
    Object.entries(bindings).flatMap(([name, value]) => (isSetting(value) ? [[name, String(value)]] : [])),
  )
}

function readCommonSettings(env: Env, sections: readonly SettingsSection[]): [GivenSettings | null, readonly string[]] {
  try {
    return [readSettings(env, sections), []]
  } catch (error) {
    if (error instanceof SettingsError) return [null, error.problems]
    throw error
  }
}

/** Settings that a fetch runtime cannot honour, with the reason and the alternative. */
const UNSUPPORTED_SETTINGS: Readonly<Record<string, string>> = {
  PORT: 'cannot be set: the platform listens here, not the gateway',
  HOST: 'cannot be set: the platform listens here, not the gateway',
  INTERNAL_PORT: 'cannot be set: all routes are at one address here',
  DATA_DIR: 'cannot be set: there is no disk here; DATABASE_URL and the keys take its place',
  TRUSTED_PROXIES: 'cannot be set: the platform states the address of each client',
  SMTP_URL:
    'cannot be set: there is no SMTP here; MAIL_FROM turns e-mail on, and a gateway on Node with the same database sends it',
  KUBECONFIG: 'cannot be set: there are no files here; KUBERNETES_URL and KUBERNETES_TOKEN take its place',
}

function findUnsupportedSettings(env: Env, sections: readonly SettingsSection[]): string[] {
  const ofFiles = sections.flatMap(({ fileSettings = {} }) =>
    Object.entries(fileSettings).map(
      ([name, cure]) => [name, `cannot be set: there are no files here; ${cure}`] as const,
    ),
  )
  const found = [...Object.entries(UNSUPPORTED_SETTINGS), ...ofFiles].filter(([name]) => env[name] !== undefined)
  const problems = found.map(([name, why]) => `${name} ${why}`)
  const launches = env['LAUNCHER'] === 'kubernetes'
  return launches ? problems : [...problems, 'LAUNCHER must be kubernetes: no process can be started here']
}

function findGuardProblems(env: Env): string[] {
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
    'DNS_OVER_HTTPS_URL or WEBHOOK_EGRESS_URL must be set: this runtime does not reveal which address a webhook goes to; ' +
      'or ALLOW_PRIVATE_NETWORKS=true, which lets them go anywhere',
  ]
}

function toEdgeSettings(common: GivenSettings, edge: EdgeEnvironment, env: Env): EdgeSettings {
  const { API_KEY, INTERNAL_API_KEY, WEBHOOK_SIGNING_KEY, DATABASE_URL, NAMESPACE } = edge
  const { workerImage = '', workerSecret = '', kubeconfig = null, deployment = null } = common.cluster ?? {}
  return {
    env,
    settings: { ...common, keys: { API_KEY, INTERNAL_API_KEY, WEBHOOK_SIGNING_KEY } },
    dataDir: common.dataDir,
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
    webhookGuard: toWebhookGuard(edge, common.allowPrivateNetworks),
  }
}

function toWebhookGuard(edge: EdgeEnvironment, allowPrivateNetworks: boolean): WebhookGuard {
  const { WEBHOOK_EGRESS_URL: egress, WEBHOOK_EGRESS_TOKEN: token, DNS_OVER_HTTPS_URL: resolver } = edge
  if (egress !== undefined) return { kind: 'egress', url: egress, token }
  return resolver === undefined || allowPrivateNetworks ? { kind: 'none' } : { kind: 'resolver', url: resolver }
}
