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

import type { Wire } from './fake-kubernetes/wire.ts'
import { render, type Manifest } from './kustomization.ts'

type Kinds = {
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

/** A manifest as its kind has it. */
export type Of<Kind extends keyof Kinds> = Manifest & Wire<Kinds[Kind]>
export type Template = Wire<V1PodTemplateSpec>
export type Container = Wire<V1Container>

/** What one kustomization installs, by its parts. */
export type Installation = {
  readonly manifests: readonly Manifest[]
  all<Kind extends keyof Kinds>(kind: Kind): readonly Of<Kind>[]
  /** @throws where there is none of that name */
  one<Kind extends keyof Kinds>(kind: Kind, name: string): Of<Kind>
  readonly workloads: readonly (Of<'Deployment'> | Of<'StatefulSet'> | Of<'Job'>)[]
  /** The Pods of all workloads. */
  readonly templates: readonly Template[]
  readonly gateway: Of<'Deployment'>
  readonly migration: Of<'Job'>
}

const ROOT = new URL('../../', import.meta.url)

/** The kustomizations that are to be had, by their folders. */
export const INSTALLATIONS = ['k8s', 'k8s/overlays/small'] as const

/** Reads what a kustomization of the repository installs. */
export function readInstallation(folder: (typeof INSTALLATIONS)[number]): Installation {
  const manifests = render(new URL(`${folder}/`, ROOT))
  const all: Installation['all'] = (kind) =>
    manifests.filter((manifest): manifest is Of<typeof kind> => manifest.kind === kind)
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

/** A file of the repository, as text. */
export function readSource(path: string): string {
  return readFileSync(new URL(path, ROOT), 'utf8')
}

export function containersOf(template: Template | undefined): readonly Container[] {
  return [...(template?.spec?.initContainers ?? []), ...(template?.spec?.containers ?? [])]
}

/** The one container of a workload's Pods. */
export function containerOf({ spec }: { readonly spec?: { readonly template?: Template } }): Container {
  const [container] = containersOf(spec?.template)
  if (container === undefined) throw new Error('there is no container')
  return container
}

export function portsOf(template: Template | undefined): NonNullable<Container['ports']> {
  return containersOf(template).flatMap(({ ports = [] }) => ports)
}

/** What is in Secrets, by their names. */
type Secrets = Readonly<Record<string, Readonly<Record<string, string>>>>

/** What a container finds in its environment: the image's, the ConfigMap's, and its own with these Secrets. */
export function environmentOf(
  { all }: Installation,
  { env = [], envFrom = [] }: Container,
  secrets: Secrets,
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
