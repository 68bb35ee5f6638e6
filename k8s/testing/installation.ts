import { readFileSync } from 'node:fs'

import type {
  V1ConfigMap,
  V1Container,
  V1Deployment,
  V1Job,
  V1NetworkPolicy,
  V1PodDisruptionBudget,
  V1PodTemplateSpec,
  V1Role,
  V1RoleBinding,
  V1Secret,
  V1Service,
  V1StatefulSet,
  V2HorizontalPodAutoscaler,
} from '@kubernetes/client-node'

import type { Wire } from '../../gateway/testing/fake-kubernetes/wire.ts'
import { renderKustomization, type Manifest } from './kustomization.ts'

type ManifestKinds = {
  readonly ConfigMap: V1ConfigMap
  readonly Deployment: V1Deployment
  readonly HorizontalPodAutoscaler: V2HorizontalPodAutoscaler
  readonly Job: V1Job
  readonly NetworkPolicy: V1NetworkPolicy
  readonly PodDisruptionBudget: V1PodDisruptionBudget
  readonly Role: V1Role
  readonly RoleBinding: V1RoleBinding
  readonly Secret: V1Secret
  readonly Service: V1Service
  readonly StatefulSet: V1StatefulSet
}

/** A manifest of a kind, with the fields of that kind. */
export type ManifestOf<Kind extends keyof ManifestKinds> = Manifest & Wire<ManifestKinds[Kind]>
export type PodTemplate = Wire<V1PodTemplateSpec>
export type Container = Wire<V1Container>

/** The objects that one kustomization installs. */
export type Installation = {
  readonly manifests: readonly Manifest[]
  all<Kind extends keyof ManifestKinds>(kind: Kind): readonly ManifestOf<Kind>[]
  /** @throws if there is no object of that name */
  one<Kind extends keyof ManifestKinds>(kind: Kind, name: string): ManifestOf<Kind>
  readonly workloads: readonly (ManifestOf<'Deployment'> | ManifestOf<'StatefulSet'> | ManifestOf<'Job'>)[]
  /** The Pods of all workloads. */
  readonly templates: readonly PodTemplate[]
  readonly gateway: ManifestOf<'Deployment'>
  readonly migration: ManifestOf<'Job'>
}

const ROOT = new URL('../../', import.meta.url)

/** The folders of the kustomizations. */
export const INSTALLATIONS = ['k8s', 'k8s/overlays/small'] as const

/** Renders a kustomization of the repository. */
export function readInstallation(folder: (typeof INSTALLATIONS)[number]): Installation {
  const manifests = renderKustomization(new URL(`${folder}/`, ROOT))
  const all: Installation['all'] = (kind) =>
    manifests.filter((manifest): manifest is ManifestOf<typeof kind> => manifest.kind === kind)
  const one: Installation['one'] = (kind, name) => {
    const found = all(kind).find(({ metadata }) => metadata.name === name)
    if (found === undefined) throw new Error(`${folder} has no ${kind} ${name}`)
    return found
  }
  const workloads = [...all('Deployment'), ...all('StatefulSet'), ...all('Job')]
  return {
    manifests,
    all,
    one,
    workloads,
    templates: workloads.map(({ spec }) => spec?.template ?? {}),
    gateway: one('Deployment', 'tallylight-gateway'),
    migration: one('Job', 'tallylight-migrate'),
  }
}

/** Reads a file of the repository as text. */
export function readSource(path: string): string {
  return readFileSync(new URL(path, ROOT), 'utf8')
}

/** Lists the containers of a Pod template, init containers first. */
export function listContainers(template: PodTemplate | undefined): readonly Container[] {
  return [...(template?.spec?.initContainers ?? []), ...(template?.spec?.containers ?? [])]
}

/** Returns the first container of a workload's Pods. @throws if there is none */
export function getOnlyContainer({ spec }: { readonly spec?: { readonly template?: PodTemplate } }): Container {
  const [container] = listContainers(spec?.template)
  if (container === undefined) throw new Error('the workload has no container')
  return container
}

/** Lists the ports of all containers of a Pod template. */
export function listPorts(template: PodTemplate | undefined): NonNullable<Container['ports']> {
  return listContainers(template).flatMap(({ ports = [] }) => ports)
}

/** The contents of Secrets: name → key → value. */
type SecretValues = Readonly<Record<string, Readonly<Record<string, string>>>>

/** Resolves a container's environment: variables of the image, the ConfigMap, the Secrets and the container itself. */
export function resolveEnvironment(
  { all }: Installation,
  { env = [], envFrom = [] }: Container,
  secrets: SecretValues,
): Record<string, string | undefined> {
  const [, image = ''] = /^ENV (.+)$/m.exec(readSource('gateway/Dockerfile')) ?? []
  const own = env.map(({ name, value, valueFrom }) => {
    const { name: secret = '', key = '' } = valueFrom?.secretKeyRef ?? {}
    return [name, value ?? (valueFrom?.fieldRef === undefined ? secrets[secret]?.[key] : 'tallylight')]
  })
  return {
    ...Object.fromEntries(image.split(' ').map((pair) => pair.split('='))),
    ...Object.assign({}, ...all('ConfigMap').map(({ data }) => data)),
    ...Object.assign({}, ...envFrom.map(({ secretRef }) => secrets[secretRef?.name ?? ''])),
    ...Object.fromEntries(own),
  }
}
