import * as v from 'valibot'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'

import { buildPod } from '../../gateway/adapters/kubernetes/pod-spec.ts'
import { INGEST_ROLE, LIVE_ROLE } from '../../gateway/adapters/kubernetes/testing/roles.ts'
import { ingestRole, ingestSpec } from '../../gateway/live/ingest/pod.ts'
import { broadcastRole, broadcastSpec } from '../../gateway/live/packaging/pod.ts'
import { LIVE_SECTION, readLiveSettings } from '../../gateway/live/settings.ts'
import { withoutEmpty } from '../../gateway/settings/section.ts'
import { readStoreSettings } from '../../gateway/settings/stores.ts'
import { readGatewayAndJobSettings } from '../../gateway/testing/read-job-settings.ts'
import { TEST_KEYS } from '../../gateway/testing/test-gateway.ts'
import {
  getOnlyContainer,
  INSTALLATIONS,
  readInstallation,
  readSource,
  resolveEnvironment,
  type ManifestOf,
} from './installation.ts'

const STREAM = 'live-019f0c9e-6d3b-7cc1-a0b4-4d8f1c2e5a77'
const SECRETS = {
  'tallylight-gateway': { ...TEST_KEYS, DATABASE_URL: 'postgres://user:password@host:5432/tallylight' },
  'tallylight-storage': { S3_ACCESS_KEY_ID: 'who-we-are', S3_SECRET_ACCESS_KEY: 'never-to-be-seen' },
}

describe.each(INSTALLATIONS)('broadcasts on %s', (folder) => {
  const installation = readInstallation(folder)
  const { one, all, gateway } = installation
  const service = one('Service', 'tallylight-rtmp')
  const env = { ...resolveEnvironment(installation, getOnlyContainer(gateway), SECRETS), S3_BUCKET: 'media' }
  const settings = settingsOf(env)
  const options = { namespace: 'tallylight', image: 'worker:1', secret: 'tallylight-storage', owner: null }
  const ingest = buildPod(ingestSpec('ingest-0', settings, 'a-token'), ingestRole(), options)
  const broadcast = buildPod(broadcastSpec(STREAM, settings, 'a-token'), broadcastRole(settings.live), options)

  test('are published through a load balancer that keeps the addresses of encoders', () => {
    expect(service.spec).toMatchObject({ type: 'LoadBalancer', externalTrafficPolicy: 'Local' })
    expect(service.spec?.ports).toEqual([{ name: 'rtmp', port: 1935, targetPort: 'rtmp' }])
  })

  test('are published from browsers by UDP to the first ingest worker, which the gateway hands all offers to', () => {
    const whip = one('Service', 'tallylight-whip')
    expect(whip.spec).toMatchObject({ type: 'LoadBalancer', externalTrafficPolicy: 'Local' })
    expect(whip.spec?.ports).toEqual([{ name: 'whip', protocol: 'UDP', port: 8189, targetPort: 'whip' }])
    expect(ingest.metadata?.labels).toMatchObject(whip.spec?.selector ?? {})
    expect(ingest.spec?.containers[0]?.ports).toContainEqual({ name: 'whip', containerPort: 8189, protocol: 'UDP' })
  })

  test('have a Service that selects the Pods of ingest workers, and no others', () => {
    const selector = service.spec?.selector ?? {}
    expect(ingest.metadata?.labels).toMatchObject(selector)
    expect(broadcast.metadata?.labels).not.toMatchObject(selector)
    expect(INGEST_ROLE.ports.map(({ name }) => name)).toContain('rtmp')
  })

  test('have settings in the ConfigMap that are the defaults of the gateway', () => {
    const { data = {} } = one('ConfigMap', 'tallylight-gateway')
    const set = Object.entries(data).filter(([name]) => name in LIVE_SECTION.entries)
    expect(set.length).toBeGreaterThan(5)
    const defaults = settingsOf({ ...env, ...Object.fromEntries(set.map(([name]) => [name, ''])) })
    expect(settings.live).toEqual(defaults.live)
  })

  test('have Pods that know their own address, and listen on the ports of their roles', () => {
    const address = { name: 'POD_IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }
    expect(ingest.spec?.containers[0]?.env).toContainEqual(address)
    expect(broadcast.spec?.containers[0]?.env).toContainEqual(address)
    const peer = LIVE_ROLE.ports.find(({ name }) => name === 'parts')?.port
    expect(envOf(ingest)).toMatchObject({
      RTMP_PORT: '1935',
      WHIP_PORT: '8189',
      INGEST_HTTP_PORT: String(peer),
    })
    expect(envOf(broadcast)).toMatchObject({ PARTS_PORT: String(peer), STORAGE_TYPE: 's3', S3_BUCKET: 'media' })
  })

  test('have Pods that take the credentials of the store from the Secret', () => {
    const { S3_SECRET_ACCESS_KEY: secret } = SECRETS['tallylight-storage']
    expect(JSON.stringify([ingest, broadcast])).not.toContain(secret)
    expect(JSON.stringify(ingest)).not.toContain('secretKeyRef')
    expect(broadcast.spec?.containers[0]?.env).toContainEqual({
      name: 'S3_SECRET_ACCESS_KEY',
      valueFrom: { secretKeyRef: { name: 'tallylight-storage', key: 'S3_SECRET_ACCESS_KEY' } },
    })
  })

  test('need no more rights than the gateway has', () => {
    expect(all('Role').flatMap(({ rules = [] }) => rules.map(({ resources }) => resources))).toEqual([
      ['pods'],
      ['pods/log'],
      ['deployments'],
    ])
  })
})

test('the roles of the launcher tests are those of the default settings', () => {
  expect(ingestRole()).toEqual(INGEST_ROLE)
  expect(broadcastRole(settingsOf({ ...TEST_KEYS }).live)).toEqual(LIVE_ROLE)
})

test('the patch for RTMPS in k8s/README.md adds a port that ends at the RTMP port of the same Pods', () => {
  const [, text = ''] = /```yaml\n(apiVersion: v1\nkind: Service[\s\S]*?)```/.exec(readSource('k8s/README.md')) ?? []
  const patch = parse(text) as ManifestOf<'Service'>
  const { metadata } = readInstallation('k8s').one('Service', 'tallylight-rtmp')
  expect(patch.metadata.name).toBe(metadata.name)
  expect(v.parse(v.array(v.unknown()), patch.spec?.ports)).toEqual([{ name: 'rtmps', port: 1936, targetPort: 'rtmp' }])
})

function settingsOf(env: Readonly<Record<string, string | undefined>>) {
  const given = readGatewayAndJobSettings(env)
  const stores = readStoreSettings(withoutEmpty(env), {
    dataDir: given.dataDir,
    url: 'http://127.0.0.1:8080',
    runsPods: given.cluster !== null,
    toAbsolute: (path) => path,
  })
  const surroundings = { publicUrl: given.publicUrl, stores, workerEnv: given.workerEnv, journalDir: null }
  return { ...given, keys: TEST_KEYS, live: readLiveSettings(withoutEmpty(env), surroundings) }
}

function envOf({ spec }: ReturnType<typeof buildPod>): Record<string, string | undefined> {
  return Object.fromEntries((spec?.containers[0]?.env ?? []).map(({ name, value }) => [name, value]))
}
