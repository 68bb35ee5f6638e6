import { execFileSync, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

import { describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'

import { checkRestricted } from '../../gateway/testing/fake-kubernetes/api/pod-security.ts'
import {
  getOnlyContainer,
  listContainers,
  INSTALLATIONS,
  listPorts,
  readInstallation,
  readSource,
  type Container,
  type PodTemplate,
} from './installation.ts'
import { keyOf, type Manifest } from './kustomization.ts'
import { findSchemaProblems } from './manifest-schema.ts'

const KUBECTL = 'kubectl'
/** Memory of a gateway at most, measured: of each socket, and without any. */
const READER_KIB = 65
const IDLE_GATEWAY_MI = 200
const COMPONENT = 'app.kubernetes.io/component'
const HAS_KUBECTL = spawnSync(KUBECTL, ['version', '--client']).status === 0
const { version } = JSON.parse(readSource('package.json')) as { version: string }

describe.each(INSTALLATIONS)('%s', (folder) => {
  const installation = readInstallation(folder)
  const { manifests, all, one, workloads, templates, gateway, migration } = installation

  test('renders as kubectl renders it, if that is installed', ({ skip }) => {
    skip(!HAS_KUBECTL, 'kubectl is not installed')
    const path = fileURLToPath(new URL(`../../${folder}`, import.meta.url))
    const text = execFileSync(KUBECTL, ['kustomize', path], { encoding: 'utf8' })
    const theirs = parseAllDocuments(text).map((document) => document.toJS() as Manifest)
    expect(byKey(theirs)).toEqual(byKey(manifests))
  })

  test('has unique names and one namespace, which enforces Pod Security restricted', () => {
    const keys = manifests.map(keyOf)
    expect(keys).toEqual([...new Set(keys)])
    const [namespace, ...more] = manifests.filter(({ kind }) => kind === 'Namespace')
    expect(more).toEqual([])
    expect(namespace?.metadata.labels).toMatchObject({ 'pod-security.kubernetes.io/enforce': 'restricted' })
    const others = manifests.filter((manifest) => manifest !== namespace)
    expect(new Set(others.map(({ metadata }) => metadata.namespace))).toEqual(new Set([namespace?.metadata.name]))
  })

  test('is valid by the published schemas', async () => {
    const found = await Promise.all(
      manifests.map(async (object) =>
        (await findSchemaProblems(object)).map((problem) => `${keyOf(object)} ${problem}`),
      ),
    )
    expect(found.flat()).toEqual([])
  })

  test('has Services that select one workload each, except for workers, and target its named ports', () => {
    expect(all('Service').length).toBeGreaterThan(1)
    // The gateway launches workers: k8s/testing/live.test.ts has the Services of theirs.
    const ofWorkloads = all('Service').filter(({ spec }) => spec?.selector?.[COMPONENT] !== 'worker')
    expect(all('Service').length - ofWorkloads.length).toBe(2)
    for (const { spec } of ofWorkloads) {
      const [pod, ...more] = templates.filter((template) => selects(spec?.selector, template))
      expect(more).toEqual([])
      const names = listPorts(pod).map(({ name }) => name)
      for (const { targetPort } of spec?.ports ?? []) expect(names).toContain(targetPort)
    }
  })

  test('has workloads that select exactly their own Pods', () => {
    for (const { spec } of [...all('Deployment'), ...all('StatefulSet')]) {
      expect(templates.filter((template) => selects(spec?.selector.matchLabels, template))).toEqual([spec?.template])
    }
    const [spread] = gateway.spec?.template.spec?.topologySpreadConstraints ?? []
    expect(spread?.labelSelector).toEqual(gateway.spec?.selector)
  })

  test('has disruption budgets and autoscalers of existing workloads', () => {
    for (const { spec } of all('PodDisruptionBudget')) expect(spec?.selector).toEqual(gateway.spec?.selector)
    for (const { spec } of all('HorizontalPodAutoscaler')) {
      const { name } = gateway.metadata
      expect(spec?.scaleTargetRef).toEqual({ apiVersion: 'apps/v1', kind: 'Deployment', name })
    }
  })

  test('probes ports that its containers have', () => {
    for (const template of templates) {
      const names = listPorts(template).map(({ name }) => name)
      for (const port of listContainers(template).flatMap(probedPorts)) expect(names).toContain(port)
    }
    expect(probedPorts(getOnlyContainer(gateway))).toEqual(['http', 'http', 'http'])
    expect(getOnlyContainer(gateway).readinessProbe?.httpGet?.path).toBe('/readyz')
    expect(getOnlyContainer(gateway).livenessProbe?.httpGet?.path).toBe('/healthz')
  })

  test('uses exact image versions, and those of this release for gateway, migration and workers', () => {
    const images = templates.flatMap((template) => listContainers(template).map(({ image }) => image))
    const workerImage = one('ConfigMap', 'tallylight-gateway').data?.['WORKER_IMAGE']
    for (const image of [...images, workerImage]) expect(image).toMatch(/:\d+\.\d+[\w.-]*$/)
    expect(getOnlyContainer(gateway).image).toMatch(new RegExp(`-gateway:${version.replaceAll('.', String.raw`\.`)}$`))
    expect(workerImage).toBe(getOnlyContainer(gateway).image?.replace('-gateway:', '-worker:'))
    expect(getOnlyContainer(migration).image).toBe(getOnlyContainer(gateway).image)
  })

  test('passes Pod Security restricted, with a read-only root, a numeric user and a memory limit', () => {
    for (const template of templates) {
      const { spec = { containers: [] } } = template
      checkRestricted({ apiVersion: 'v1', kind: 'Pod', spec }, folder)
      expect(spec.securityContext?.runAsUser).toBeGreaterThan(0)
      for (const { securityContext, resources } of listContainers(template)) {
        expect(securityContext?.readOnlyRootFilesystem).toBe(true)
        expect(resources?.limits?.['memory']).toMatch(/^\d+Mi$/)
        expect(resources?.requests).toEqual({ cpu: expect.any(String), memory: expect.any(String) })
      }
    }
  })

  test('gives a gateway memory for as many readers of chats as it takes', () => {
    const [, readers = ''] = /const MAX_READERS = ([\d_]+)/.exec(readSource('gateway/live/chat/rooms.ts')) ?? []
    const neededMi = (Number(readers.replaceAll('_', '')) * READER_KIB) / 1024 + IDLE_GATEWAY_MI
    const limit = getOnlyContainer(gateway).resources?.limits?.['memory']
    expect(neededMi).toBeGreaterThan(IDLE_GATEWAY_MI)
    expect(Number(limit?.replace('Mi', ''))).toBeGreaterThanOrEqual(neededMi)
  })

  test('mounts a token of the API server in the gateway only', () => {
    const having = templates.filter(({ spec }) => spec?.automountServiceAccountToken !== false)
    expect(having).toEqual([gateway.spec?.template])
  })

  test('mounts exactly the volumes that it declares', () => {
    for (const { spec } of workloads) {
      const claims = spec && 'volumeClaimTemplates' in spec ? (spec.volumeClaimTemplates ?? []) : []
      const claimed = claims.map(({ metadata }) => metadata?.name)
      const there = [...(spec?.template.spec?.volumes ?? []).map(({ name }) => name), ...claimed]
      const mounted = listContainers(spec?.template).flatMap(({ volumeMounts = [] }) => volumeMounts)
      expect(new Set(mounted.map(({ name }) => name))).toEqual(new Set(there))
    }
  })
})

test('the small overlay runs one gateway, the base one to three at 80 % of their CPU', () => {
  const small = readInstallation('k8s/overlays/small')
  expect(small.all('HorizontalPodAutoscaler')).toEqual([])
  expect(small.gateway.spec?.replicas).toBe(1)
  const { one, gateway } = readInstallation('k8s')
  expect(gateway.spec).not.toHaveProperty('replicas')
  expect(one('HorizontalPodAutoscaler', 'tallylight-gateway').spec).toMatchObject({
    minReplicas: 1,
    maxReplicas: 3,
    metrics: [{ resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } }],
  })
})

describe('the schema check', () => {
  type Loose = Record<string, unknown>

  test.each<[string, (container: Loose, spec: Loose) => unknown]>([
    ['an unknown field of a container', (container) => (container['readynessProbe'] = {})],
    [
      'a deeply nested unknown field',
      (container) => (container['lifecycle'] = { preStop: { sleep: { seconds: 1, sec: 1 } } }),
    ],
    ['an unknown field of the Deployment', (_container, spec) => (spec['replica'] = 1)],
    ['a wrong type', (container) => (container['image'] = 1)],
    ['an unknown enum value', (container) => (container['imagePullPolicy'] = 'Sometimes')],
    ['a wrong quantity', (container) => (container['resources'] = { limits: { memory: 'much' } })],
    ['a missing field', (container) => delete container['name']],
  ])('finds %s', async (_what, change) => {
    const { gateway } = readInstallation('k8s')
    expect(await findSchemaProblems(gateway)).toEqual([])
    change(getOnlyContainer(gateway), gateway.spec as unknown as Loose)
    expect(await findSchemaProblems(gateway)).toHaveLength(1)
  })

  test('finds an unknown kind', async () => {
    const misspelt = { apiVersion: 'apps/v1', kind: 'Deploymnet', metadata: { name: 'gateway' } }
    expect(await findSchemaProblems(misspelt)).toEqual(['apps/v1 has no Deploymnet'])
  })
})

function byKey(manifests: readonly Manifest[]): Record<string, Manifest> {
  return Object.fromEntries(manifests.map((manifest) => [keyOf(manifest), manifest]))
}

function selects(selector: Readonly<Record<string, string>> | undefined, { metadata }: PodTemplate): boolean {
  const wanted = Object.entries(selector ?? {})
  return wanted.length > 0 && wanted.every(([name, value]) => metadata?.labels?.[name] === value)
}

function probedPorts({ startupProbe, livenessProbe, readinessProbe }: Container): readonly unknown[] {
  return [startupProbe, livenessProbe, readinessProbe].flatMap((probe) => probe?.httpGet?.port ?? [])
}
