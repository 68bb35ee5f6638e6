import { readFileSync } from 'node:fs'

import type { KubernetesObject } from '@kubernetes/client-node'
import { parse, parseAllDocuments } from 'yaml'

/** An object of a rendered kustomization. */
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

const SUPPORTED_FIELDS = new Set(['apiVersion', 'kind', 'namespace', 'resources', 'replicas', 'patches'])

/**
 * Renders a kustomization without kubectl. It supports the fields that this repository uses: namespace, resources,
 * replicas, and patches that delete. @throws if the kustomization has another field
 */
export function renderKustomization(folder: URL): Manifest[] {
  const kustomization = parse(readFileSync(new URL('kustomization.yaml', folder), 'utf8')) as Kustomization
  const unsupported = Object.keys(kustomization).filter((field) => !SUPPORTED_FIELDS.has(field))
  if (unsupported.length > 0) throw new Error(`${folder.pathname}: ${unsupported.join(', ')} is not supported here`)
  const { namespace, resources, replicas = [], patches = [] } = kustomization
  const deleted = patches.map(({ patch }) => parseDeletePatch(patch))
  const kept = resources
    .flatMap((resource) => loadManifests(new URL(resource, folder)))
    .filter((one) => !deleted.includes(keyOf(one)))
  for (const { name, count } of replicas) setReplicas(kept, name, count)
  if (namespace !== undefined)
    for (const { kind, metadata } of kept) if (kind !== 'Namespace') metadata.namespace = namespace
  return kept
}

/** Returns an object's kind and name, which are unique in a kustomization. */
export function keyOf({ kind, metadata }: Manifest): string {
  return `${kind} ${metadata.name}`
}

function loadManifests(resource: URL): Manifest[] {
  if (!resource.pathname.endsWith('.yaml')) return renderKustomization(new URL(`${resource.pathname}/`, resource))
  return parseAllDocuments(readFileSync(resource, 'utf8')).map((document) => {
    if (document.errors[0] !== undefined) throw document.errors[0]
    return document.toJS() as Manifest
  })
}

function parseDeletePatch(patch: string): string {
  const object = parse(patch) as Manifest & { readonly $patch?: string }
  if (object.$patch !== 'delete')
    throw new Error(`a patch of ${keyOf(object)} that does not delete it is not supported here`)
  return keyOf(object)
}

function setReplicas(manifests: readonly Manifest[], name: string, count: number): void {
  for (const one of manifests) {
    if (one.metadata.name === name && 'spec' in one && /^(?:Deployment|StatefulSet)$/.test(one.kind)) {
      Object.assign(one.spec as object, { replicas: count })
    }
  }
}
