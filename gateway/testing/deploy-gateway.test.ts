import { describe, expect, test } from 'vitest'

import { readSettings } from '../config.ts'
import { SettingsError } from '../settings-error.ts'
import { containerOf, environmentOf, INSTALLATIONS, portsOf, readInstallation, readSource } from './installation.ts'

const KEYS = ['API_KEY', 'INTERNAL_API_KEY', 'WEBHOOK_SIGNING_KEY']
const OWN = {
  ...Object.fromEntries(KEYS.map((name) => [name, 'k'.repeat(16)])),
  DATABASE_URL: 'postgres://user:password@host:5432/tallylight',
}
const SECRETS = { 'tallylight-gateway': OWN }

describe.each(INSTALLATIONS)('the gateway of %s', (folder) => {
  const installation = readInstallation(folder)
  const { all, one, gateway, migration } = installation
  const container = containerOf(gateway)
  const pod = gateway.spec?.template.spec

  test('is given nothing but settings of the gateway', () => {
    const source = readSource('gateway/config.ts') + readSource('gateway/job-settings.ts')
    const { data = {} } = one('ConfigMap', 'tallylight-gateway')
    const names = [...Object.keys(data), ...(container.env ?? []).map(({ name }) => name)]
    expect(names.length).toBeGreaterThan(10)
    expect(names.filter((name) => !new RegExp(`^  ${name}: `, 'm').test(source))).toEqual([])
  })

  test('takes its secrets from Secrets that are shipped empty, under the names that it knows', () => {
    expect(all('Secret').filter((secret) => 'data' in secret || 'stringData' in secret)).toEqual([])
    const taken = (container.env ?? []).filter(({ valueFrom }) => valueFrom?.secretKeyRef !== undefined)
    expect(taken.map(({ name }) => name).toSorted()).toEqual(Object.keys(OWN).toSorted())
    for (const { name, valueFrom } of taken) {
      expect(valueFrom?.secretKeyRef).toEqual({ name: 'tallylight-gateway', key: name })
    }
    expect(one('Secret', 'tallylight-gateway').kind).toBe('Secret')
  })

  test('starts with the keys and the database in its Secret, and refuses to without', () => {
    expect(readSettings(environmentOf(installation, container, SECRETS))).toMatchObject({
      port: 8080,
      internalPort: 8081,
      gatewayUrl: 'http://tallylight-internal:8081',
      databaseUrl: OWN.DATABASE_URL,
      allowPrivateNetworks: false,
      cluster: { namespace: 'tallylight', deployment: gateway.metadata.name },
    })
    for (const started of [container, containerOf(migration)]) {
      const start = () => readSettings(environmentOf(installation, started, {}))
      expect(start).toThrow(SettingsError)
      for (const name of KEYS) expect(start).toThrow(`${name} must be set in production`)
      expect(readSettings(environmentOf(installation, started, SECRETS)).databaseUrl).toBe(OWN.DATABASE_URL)
    }
  })

  test('is reached at the ports and by the Service that its workers are told of', () => {
    const env = environmentOf(installation, container, {})
    const ports = portsOf(gateway.spec?.template).map(({ name, containerPort }) => [name, String(containerPort)])
    expect(Object.fromEntries(ports)).toEqual({ http: env['PORT'], internal: env['INTERNAL_PORT'] })
    const { hostname, port } = new URL(env['GATEWAY_URL'] ?? '')
    expect(one('Service', hostname).spec?.ports).toEqual([
      { name: 'internal', port: Number(port), targetPort: 'internal' },
    ])
    expect(one('Service', 'tallylight').spec?.ports?.map(({ targetPort }) => targetPort)).toEqual(['http'])
  })

  test('is reached from within the cluster only, until an installation says otherwise', () => {
    for (const { spec } of all('Service')) {
      expect(spec?.type ?? 'ClusterIP').toBe('ClusterIP')
      expect(spec).not.toHaveProperty('externalIPs')
    }
  })

  test('has the time to drain, and none goes before another is ready', () => {
    const sleepSec = container.lifecycle?.preStop?.sleep?.seconds ?? 0
    const drainSec = drainMs().reduce((sum, ms) => sum + ms, 0) / 1000
    expect(sleepSec).toBeGreaterThanOrEqual(5)
    expect(drainSec).toBeGreaterThan(30)
    expect(pod?.terminationGracePeriodSeconds).toBeGreaterThan(sleepSec + drainSec + 5)
    expect(gateway.spec?.strategy?.rollingUpdate).toEqual({ maxSurge: 1, maxUnavailable: 0 })
  })

  test('does not keep its node from being drained, were it alone', () => {
    const { spec } = one('PodDisruptionBudget', 'tallylight-gateway')
    expect(spec).toMatchObject({ maxUnavailable: 1 })
    expect(spec).not.toHaveProperty('minAvailable')
  })

  test('may have its database migrated first, by a Job that is gone soon after its end, for the next apply', () => {
    const command = containerOf(migration).command ?? []
    expect(command.at(-1)).toBe('migrate')
    expect(readSource('gateway/node.ts')).toContain("'migrate'")
    const [, served = ''] = /^CMD (.+)$/m.exec(readSource('gateway/Dockerfile')) ?? []
    expect(command.slice(0, -1)).toEqual(JSON.parse(served))
    expect(migration.spec?.ttlSecondsAfterFinished).toBeLessThanOrEqual(600)
  })
})

/** What the gateway waits for after SIGTERM, one after the other, at the most; webhooks and requests have the same. */
function drainMs(): number[] {
  const source = readSource('gateway/node-gateway.ts')
  return ['WORKERS_GRACE_MS', 'NOTICE_MS', 'REQUESTS_GRACE_MS', 'REQUESTS_GRACE_MS'].map((name) => {
    const [, digits] = new RegExp(`const ${name} = ([\\d_]+)`).exec(source) ?? []
    if (digits === undefined) throw new Error(`gateway/node-gateway.ts has no ${name} any more`)
    return Number(digits.replaceAll('_', ''))
  })
}
