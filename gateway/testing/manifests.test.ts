import { execFileSync, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

import { describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'

import { checkRestricted } from './fake-kubernetes/pod-security.ts'
import {
  containerOf,
  containersOf,
  INSTALLATIONS,
  portsOf,
  readInstallation,
  readSource,
  type Container,
  type Template,
} from './installation.ts'
import { keyOf, type Manifest } from './kustomization.ts'
import { schemaProblems } from './manifest-schema.ts'

const KUBECTL = 'kubectl'
const HAS_KUBECTL = spawnSync(KUBECTL, ['version', '--client']).status === 0
const { version } = JSON.parse(readSource('package.json')) as { version: string }

describe.each(INSTALLATIONS)('%s', (folder) => {
  const installation = readInstallation(folder)
  const { manifests, all, one, workloads, templates, gateway, migration } = installation

  test('is rendered the same by kubectl, where that is installed', ({ skip }) => {
    skip(!HAS_KUBECTL, 'kubectl is not installed')
    const path = fileURLToPath(new URL(`../../${folder}`, import.meta.url))
    const text = execFileSync(KUBECTL, ['kustomize', path], { encoding: 'utf8' })
    const theirs = parseAllDocuments(text).map((document) => document.toJS() as Manifest)
    expect(byKey(theirs)).toEqual(byKey(manifests))
  })

  test('has no two objects of a name, and all in one namespace, which enforces Pod Security restricted', () => {
    const keys = manifests.map(keyOf)
    expect(keys).toEqual([...new Set(keys)])
    const [namespace, ...more] = manifests.filter(({ kind }) => kind === 'Namespace')
    expect(more).toEqual([])
    expect(namespace?.metadata.labels).toMatchObject({ 'pod-security.kubernetes.io/enforce': 'restricted' })
    const others = manifests.filter((manifest) => manifest !== namespace)
    expect(new Set(others.map(({ metadata }) => metadata.namespace))).toEqual(new Set([namespace?.metadata.name]))
  })

  test('is what the published schemas take', async () => {
    const found = await Promise.all(
      manifests.map(async (object) => (await schemaProblems(object)).map((problem) => `${keyOf(object)} ${problem}`)),
    )
    expect(found.flat()).toEqual([])
  })

  test('has Services for Pods that there are, by names of ports that these have', () => {
    expect(all('Service').length).toBeGreaterThan(1)
    for (const { spec } of all('Service')) {
      const [pod, ...more] = templates.filter((template) => selects(spec?.selector, template))
      expect(more).toEqual([])
      const names = portsOf(pod).map(({ name }) => name)
      for (const { targetPort } of spec?.ports ?? []) expect(names).toContain(targetPort)
    }
  })

  test('has workloads that select their own Pods, and nothing else does', () => {
    for (const { spec } of [...all('Deployment'), ...all('StatefulSet')]) {
      expect(templates.filter((template) => selects(spec?.selector.matchLabels, template))).toEqual([spec?.template])
    }
    const [spread] = gateway.spec?.template.spec?.topologySpreadConstraints ?? []
    expect(spread?.labelSelector).toEqual(gateway.spec?.selector)
  })

  test('has budgets and autoscalers for workloads that there are', () => {
    for (const { spec } of all('PodDisruptionBudget')) expect(spec?.selector).toEqual(gateway.spec?.selector)
    for (const { spec } of all('HorizontalPodAutoscaler')) {
      const { name } = gateway.metadata
      expect(spec?.scaleTargetRef).toEqual({ apiVersion: 'apps/v1', kind: 'Deployment', name })
    }
  })

  test('probes ports that are served', () => {
    for (const template of templates) {
      const names = portsOf(template).map(({ name }) => name)
      for (const port of containersOf(template).flatMap(probedPorts)) expect(names).toContain(port)
    }
    expect(probedPorts(containerOf(gateway))).toEqual(['http', 'http', 'http'])
    expect(containerOf(gateway).readinessProbe?.httpGet?.path).toBe('/readyz')
    expect(containerOf(gateway).livenessProbe?.httpGet?.path).toBe('/healthz')
  })

  test('takes images of one version each: gateway, migration and workers of this release', () => {
    const images = templates.flatMap((template) => containersOf(template).map(({ image }) => image))
    const workerImage = one('ConfigMap', 'tallylight-gateway').data?.['WORKER_IMAGE']
    for (const image of [...images, workerImage]) expect(image).toMatch(/:\d+\.\d+[\w.-]*$/)
    expect(containerOf(gateway).image).toMatch(new RegExp(`-gateway:${version.replaceAll('.', String.raw`\.`)}$`))
    expect(workerImage).toBe(containerOf(gateway).image?.replace('-gateway:', '-worker:'))
    expect(containerOf(migration).image).toBe(containerOf(gateway).image)
  })

  test('passes Pod Security restricted, with a read-only root, a numeric user and limited memory', () => {
    for (const template of templates) {
      const { spec = { containers: [] } } = template
      checkRestricted({ apiVersion: 'v1', kind: 'Pod', spec }, folder)
      expect(spec.securityContext?.runAsUser).toBeGreaterThan(0)
      for (const { securityContext, resources } of containersOf(template)) {
        expect(securityContext?.readOnlyRootFilesystem).toBe(true)
        expect(resources?.limits?.['memory']).toMatch(/^\d+Mi$/)
        expect(resources?.requests).toEqual({ cpu: expect.any(String), memory: expect.any(String) })
      }
    }
  })

  test('gives a token of the API server to the gateway alone', () => {
    const having = templates.filter(({ spec }) => spec?.automountServiceAccountToken !== false)
    expect(having).toEqual([gateway.spec?.template])
  })

  test('mounts each volume that it has, and has each that it mounts', () => {
    for (const { spec } of workloads) {
      const claims = spec && 'volumeClaimTemplates' in spec ? (spec.volumeClaimTemplates ?? []) : []
      const claimed = claims.map(({ metadata }) => metadata?.name)
      const there = [...(spec?.template.spec?.volumes ?? []).map(({ name }) => name), ...claimed]
      const mounted = containersOf(spec?.template).flatMap(({ volumeMounts = [] }) => volumeMounts)
      expect(new Set(mounted.map(({ name }) => name))).toEqual(new Set(there))
    }
  })
})

test('one gateway runs on a small cluster, and one to three elsewhere, at four fifths of their CPU', () => {
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

describe('the check of schemas', () => {
  type Loose = Record<string, unknown>

  test.each<[string, (container: Loose, spec: Loose) => unknown]>([
    ['an unknown field of a container', (container) => (container['readynessProbe'] = {})],
    [
      'an unknown field far down',
      (container) => (container['lifecycle'] = { preStop: { sleep: { seconds: 1, sec: 1 } } }),
    ],
    ['an unknown field of the Deployment', (_container, spec) => (spec['replica'] = 1)],
    ['a wrong type', (container) => (container['image'] = 1)],
    ['a wrong word', (container) => (container['imagePullPolicy'] = 'Sometimes')],
    ['a wrong quantity', (container) => (container['resources'] = { limits: { memory: 'much' } })],
    ['a missing field', (container) => delete container['name']],
  ])('finds %s', async (_what, change) => {
    const { gateway } = readInstallation('k8s')
    expect(await schemaProblems(gateway)).toEqual([])
    change(containerOf(gateway), gateway.spec as unknown as Loose)
    expect(await schemaProblems(gateway)).toHaveLength(1)
  })

  test('finds a kind that is none', async () => {
    const misspelt = { apiVersion: 'apps/v1', kind: 'Deploymnet', metadata: { name: 'gateway' } }
    expect(await schemaProblems(misspelt)).toEqual(['apps/v1 has no Deploymnet'])
  })
})

function byKey(manifests: readonly Manifest[]): Record<string, Manifest> {
  return Object.fromEntries(manifests.map((manifest) => [keyOf(manifest), manifest]))
}

function selects(selector: Readonly<Record<string, string>> | undefined, { metadata }: Template): boolean {
  const wanted = Object.entries(selector ?? {})
  return wanted.length > 0 && wanted.every(([name, value]) => metadata?.labels?.[name] === value)
}

function probedPorts({ startupProbe, livenessProbe, readinessProbe }: Container): readonly unknown[] {
  return [startupProbe, livenessProbe, readinessProbe].flatMap((probe) => probe?.httpGet?.port ?? [])
}
