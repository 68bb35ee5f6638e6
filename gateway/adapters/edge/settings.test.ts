import { describe, expect, it } from 'vitest'

import { systems } from '../../systems.ts'
import { SettingsError } from '../../settings/settings-error.ts'
import { readEdgeSettings } from './settings.ts'

const SECTIONS = systems.map(({ settings }) => settings)

const KEYS = {
  API_KEY: 'an-api-key-of-some-length',
  INTERNAL_API_KEY: 'an-internal-key-of-some-length',
  WEBHOOK_SIGNING_KEY: 'a-signing-key-of-some-length',
}
const GIVEN = {
  ...KEYS,
  LAUNCHER: 'kubernetes',
  DATABASE_URL: 'postgres://user:password@db.example.com/tallylight',
  GATEWAY_URL: 'https://tallylight.example.com',
  KUBERNETES_URL: 'https://kubernetes.example.com',
  KUBERNETES_TOKEN: 'token',
  NAMESPACE: 'tallylight',
  WORKER_IMAGE: 'worker:1',
  DNS_OVER_HTTPS_URL: 'https://dns.example.com/dns-query',
}

function problemsOf(bindings: object): readonly string[] {
  try {
    readEdgeSettings(bindings, SECTIONS)
  } catch (error) {
    if (error instanceof SettingsError) return error.problems
    throw error
  }
  return []
}

/** Returns the problems of valid settings with one change. */
const problemsWith = (change: object) => problemsOf({ ...GIVEN, ...change })

describe('the settings of an edge gateway', () => {
  it('are those of every gateway, the cluster, and the guard of webhooks', () => {
    expect(readEdgeSettings(GIVEN, SECTIONS)).toMatchObject({
      settings: { keys: KEYS, gatewayUrl: GIVEN.GATEWAY_URL, allowPrivateNetworks: false },
      databaseUrl: GIVEN.DATABASE_URL,
      cluster: { url: GIVEN.KUBERNETES_URL, token: 'token', namespace: 'tallylight', workerImage: 'worker:1' },
      webhookGuard: { kind: 'resolver', url: GIVEN.DNS_OVER_HTTPS_URL },
    })
  })

  it('may be numbers and booleans, among bindings that are no settings', () => {
    const bindings = { ...GIVEN, MAX_MONITORS: 7, ALLOW_ANY_SITE: true, ASSETS: { fetch: () => null }, LOG_LEVEL: '' }
    expect(readEdgeSettings(bindings, SECTIONS)).toMatchObject({
      env: { MAX_MONITORS: '7' },
      settings: { allowAnySite: true, logLevel: 'info' },
    })
  })

  it('accept DB_DSN in place of DATABASE_URL', () => {
    const { DATABASE_URL, ...rest } = GIVEN
    expect(readEdgeSettings({ ...rest, DB_DSN: DATABASE_URL }, SECTIONS).databaseUrl).toBe(DATABASE_URL)
  })

  it('that are missing are all named at once', () => {
    const problems = problemsOf({})
    const names = ['LAUNCHER', ...Object.keys(KEYS), 'DATABASE_URL', 'GATEWAY_URL', 'NAMESPACE']
    const all = [...names, 'KUBERNETES_URL', 'KUBERNETES_TOKEN', 'DNS_OVER_HTTPS_URL']
    expect(problems.map((problem) => problem.split(' ')[0])).toEqual(all)
    expect(problemsOf({ LAUNCHER: 'kubernetes' })).toContainEqual(expect.stringContaining('WORKER_IMAGE must be set'))
  })

  it.each([
    ['LAUNCHER', 'process', 'no process can be started'],
    ['PORT', '8080', 'the platform listens'],
    ['HOST', '0.0.0.0', 'the platform listens'],
    ['INTERNAL_PORT', '8081', 'at one address'],
    ['DATA_DIR', '/data', 'no disk'],
    ['KUBECONFIG', '/kubeconfig', 'no files'],
    ['PRESETS_FILE', '/presets.yaml', 'no files'],
    ['STORAGE_DIR', '/media', 'goes with it'],
    ['KUBERNETES_URL', 'kubernetes.example.com', 'must be an http or https URL'],
    ['DNS_OVER_HTTPS_URL', 'dns.example.com', 'must be an http or https URL'],
    ['DATABASE_URL', 'mysql://db', 'must be a URL such as postgres://'],
    ['API_KEY', 'short', 'at least 16 characters'],
    ['MAX_MONITORS', 'many', 'must be a whole number'],
  ])('refuse %s=%s', (name, value, why) => {
    expect(problemsWith({ [name]: value })).toEqual([expect.stringMatching(new RegExp(`^${name} .*${why}`))])
  })

  it('require keys whatever NODE_ENV says', () => {
    expect(problemsWith({ NODE_ENV: 'development', API_KEY: '' })).toEqual([expect.stringContaining('API_KEY must be')])
  })
})

describe('webhooks from the edge', () => {
  const egress = { DNS_OVER_HTTPS_URL: '', WEBHOOK_EGRESS_URL: 'https://egress.example.com' }

  it.each([
    ['no guard is set', { DNS_OVER_HTTPS_URL: '' }, 'DNS_OVER_HTTPS_URL or WEBHOOK_EGRESS_URL must be set'],
    ['two guards are set', { ...egress, DNS_OVER_HTTPS_URL: 'https://dns.example.com' }, 'cannot be set with'],
    ['an egress service has no token', egress, 'WEBHOOK_EGRESS_TOKEN must be set'],
  ])('are refused where %s', (_what, change, problem) => {
    expect(problemsWith(change)).toEqual([expect.stringContaining(problem)])
  })

  it.each([
    ['an egress service', { ...egress, WEBHOOK_EGRESS_TOKEN: 't' }, { kind: 'egress', token: 't' }],
    ['no guard where private networks are allowed', { ALLOW_PRIVATE_NETWORKS: 'true' }, { kind: 'none' }],
  ])('are guarded by %s', (_what, change, guard) => {
    expect(readEdgeSettings({ ...GIVEN, ...change }, SECTIONS).webhookGuard).toMatchObject(guard)
  })
})
