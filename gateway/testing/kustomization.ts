import { readFileSync } from 'node:fs'

import type { KubernetesObject } from '@kubernetes/client-node'
import { parse, parseAllDocuments } from 'yaml'

/** An object as it is to be applied. */
export type Manifest = KubernetesObject & {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; namespace?: string; readonly labels?: Readonly<Record<string, string>> }
}

type Kustomization = {
  readonly namespace?: string
  readonly resources: readonly string[]
  readonly replicas?: readonly { readonly name: string; readonly count: number }[]
  readonly patches?: readonly { readonly patch: string }[]
}

const UNDERSTOOD = new Set(['apiVersion', 'kind', 'namespace', 'resources', 'replicas', 'patches'])

/**
 * What a kustomization of ours renders, without kubectl. It knows the few fields that ours use: namespace, resources,
 * replicas, and patches that delete. @throws where there is another, which it would render wrongly
 */
export function render(folder: URL): Manifest[] {
  const kustomization = parse(readFileSync(new URL('kustomization.yaml', folder), 'utf8')) as Kustomization
  const strange = Object.keys(kustomization).filter((field) => !UNDERSTOOD.has(field))
  if (strange.length > 0) throw new Error(`${folder.pathname}: ${strange.join(', ')} is not understood here`)
  const { namespace, resources, replicas = [], patches = [] } = kustomization
  const deleted = patches.map(({ patch }) => deletedBy(patch))
  const kept = resources
    .flatMap((resource) => load(new URL(resource, folder)))
    .filter((one) => !deleted.includes(keyOf(one)))
  for (const { name, count } of replicas) setReplicas(kept, name, count)
  if (namespace !== undefined)
    for (const { kind, metadata } of kept) if (kind !== 'Namespace') metadata.namespace = namespace
  return kept
}

/** An object's kind and name, which no two of a kustomization share. */
export function keyOf({ kind, metadata }: Manifest): string {
  return `${kind} ${metadata.name}`
}

function load(resource: URL): Manifest[] {
  if (!resource.pathname.endsWith('.yaml')) return render(new URL(`${resource.pathname}/`, resource))
  return parseAllDocuments(readFileSync(resource, 'utf8')).map((document) => {
    if (document.errors[0] !== undefined) throw document.errors[0]
    return document.toJS() as Manifest
  })
}

function deletedBy(patch: string): string {
  const object = parse(patch) as Manifest & { readonly $patch?: string }
  if (object.$patch !== 'delete') throw new Error(`a patch of ${keyOf(object)} is not understood here`)
  return keyOf(object)
}

function setReplicas(manifests: readonly Manifest[], name: string, count: number): void {
  for (const one of manifests) {
    if (one.metadata.name === name && 'spec' in one && /^(?:Deployment|StatefulSet)$/.test(one.kind)) {
      Object.assign(one.spec as object, { replicas: count })
    }
  }
}
