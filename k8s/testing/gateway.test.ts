import { describe, expect, test } from 'vitest'

import { readGatewayAndJobSettings } from '../../gateway/testing/read-job-settings.ts'
import { SettingsError } from '../../gateway/settings/settings-error.ts'
import {
  getOnlyContainer,
  resolveEnvironment,
  INSTALLATIONS,
  listPorts,
  readInstallation,
  readSource,
} from './installation.ts'

const KEYS = ['API_KEY', 'INTERNAL_API_KEY', 'WEBHOOK_SIGNING_KEY']
const OWN = {
  ...Object.fromEntries(KEYS.map((name) => [name, 'k'.repeat(16)])),
  DATABASE_URL: 'postgres://user:password@host:5432/tallylight',
}
/** Secrets of what is off until they are set. */
const OPTIONAL = ['SMTP_URL', 'STRIPE_SECRET_KEY', 'STRIPE_WEBHOOK_SECRET']
const SECRETS = { 'tallylight-gateway': OWN }

describe.each(INSTALLATIONS)('the gateway of %s', (folder) => {
  const installation = readInstallation(folder)
  const { all, one, gateway, migration } = installation
  const container = getOnlyContainer(gateway)
  const pod = gateway.spec?.template.spec

  test('has only variables that are settings of the gateway', () => {
    const source =
      readSource('gateway/settings/read-settings.ts') +
      readSource('gateway/settings/mail.ts') +
      readSource('gateway/settings/stores.ts') +
      readSource('gateway/jobs/settings.ts') +
      readSource('gateway/monitors/settings.ts') +
      readSource('gateway/live/settings.ts') +
      readSource('gateway/live/push-settings.ts') +
      readSource('gateway/live/tip-settings.ts')
    const { data = {} } = one('ConfigMap', 'tallylight-gateway')
    const names = [...Object.keys(data), ...(container.env ?? []).map(({ name }) => name)]
    expect(names.length).toBeGreaterThan(10)
    expect(names.filter((name) => !new RegExp(`^  ${name}: `, 'm').test(source))).toEqual([])
  })

  test('takes its secrets from Secrets that are shipped empty, by the names of its settings', () => {
    expect(all('Secret').filter((secret) => 'data' in secret || 'stringData' in secret)).toEqual([])
    const taken = (container.env ?? []).filter(({ valueFrom }) => valueFrom?.secretKeyRef !== undefined)
    expect(taken.map(({ name }) => name).toSorted()).toEqual([...Object.keys(OWN), ...OPTIONAL].toSorted())
    for (const { name, valueFrom } of taken) {
      const optional = OPTIONAL.includes(name) ? { optional: true } : {}
      expect(valueFrom?.secretKeyRef).toEqual({ name: 'tallylight-gateway', key: name, ...optional })
    }
    expect(one('Secret', 'tallylight-gateway').kind).toBe('Secret')
  })

  test('starts with the keys and the database URL in its Secret, and refuses to start without them', () => {
    expect(readGatewayAndJobSettings(resolveEnvironment(installation, container, SECRETS))).toMatchObject({
      port: 8080,
      internalPort: 8081,
      gatewayUrl: 'http://tallylight-internal:8081',
      databaseUrl: OWN.DATABASE_URL,
      allowPrivateNetworks: false,
      cluster: { namespace: 'tallylight', deployment: gateway.metadata.name },
    })
    for (const started of [container, getOnlyContainer(migration)]) {
      const start = () => readGatewayAndJobSettings(resolveEnvironment(installation, started, {}))
      expect(start).toThrow(SettingsError)
      for (const name of KEYS) expect(start).toThrow(`${name} must be set in production`)
      expect(readGatewayAndJobSettings(resolveEnvironment(installation, started, SECRETS)).databaseUrl).toBe(
        OWN.DATABASE_URL,
      )
    }
  })

  test('serves the ports and the Service that its workers are configured with', () => {
    const env = resolveEnvironment(installation, container, {})
    const ports = listPorts(gateway.spec?.template).map(({ name, containerPort }) => [name, String(containerPort)])
    expect(Object.fromEntries(ports)).toEqual({ http: env['PORT'], internal: env['INTERNAL_PORT'] })
    const { hostname, port } = new URL(env['GATEWAY_URL'] ?? '')
    expect(one('Service', hostname).spec?.ports).toEqual([
      { name: 'internal', port: Number(port), targetPort: 'internal' },
    ])
    expect(one('Service', 'tallylight').spec?.ports?.map(({ targetPort }) => targetPort)).toEqual(['http'])
  })

  test('is reachable inside of the cluster only, unless an installation exposes it', () => {
    for (const { metadata, spec } of all('Service')) {
      const isOfEncoders = ['tallylight-rtmp', 'tallylight-whip'].includes(metadata.name ?? '')
      expect(spec?.type ?? 'ClusterIP').toBe(isOfEncoders ? 'LoadBalancer' : 'ClusterIP')
      expect(spec).not.toHaveProperty('externalIPs')
    }
  })

  test('has time to drain, and is replaced only once another one is ready', () => {
    const sleepSec = container.lifecycle?.preStop?.sleep?.seconds ?? 0
    const drainSec = readDrainTimeouts().reduce((sum, ms) => sum + ms, 0) / 1000
    expect(sleepSec).toBeGreaterThanOrEqual(5)
    expect(drainSec).toBeGreaterThan(30)
    expect(pod?.terminationGracePeriodSeconds).toBeGreaterThan(sleepSec + drainSec + 5)
    expect(gateway.spec?.strategy?.rollingUpdate).toEqual({ maxSurge: 1, maxUnavailable: 0 })
  })

  test('does not block draining its node, even if it is the only replica', () => {
    const { spec } = one('PodDisruptionBudget', 'tallylight-gateway')
    expect(spec).toMatchObject({ maxUnavailable: 1 })
    expect(spec).not.toHaveProperty('minAvailable')
  })

  test('has a Job that migrates the database first, and is deleted soon after its end so that it can be applied again', () => {
    const command = getOnlyContainer(migration).command ?? []
    expect(command.at(-1)).toBe('migrate')
    expect(readSource('gateway/node.ts')).toContain("'migrate'")
    const [, served = ''] = /^CMD (.+)$/m.exec(readSource('gateway/Dockerfile')) ?? []
    expect(command.slice(0, -1)).toEqual(JSON.parse(served))
    expect(migration.spec?.ttlSecondsAfterFinished).toBeLessThanOrEqual(600)
  })
})

/** Reads the timeouts of the gateway's drain, in ms, which follow each other; webhooks and requests have the same one. */
function readDrainTimeouts(): number[] {
  const source = readSource('gateway/cli/start-gateway.ts')
  return ['WORKERS_GRACE_MS', 'NOTICE_MS', 'REQUESTS_GRACE_MS', 'REQUESTS_GRACE_MS'].map((name) => {
    const [, digits] = new RegExp(`const ${name} = ([\\d_]+)`).exec(source) ?? []
    if (digits === undefined) throw new Error(`gateway/cli/start-gateway.ts has no ${name} any more`)
    return Number(digits.replaceAll('_', ''))
  })
}
