import * as k8s from '@kubernetes/client-node'
import type { Pod } from 'kubernetes-models/v1'

import type { Manifest } from './kustomization.ts'

type Field = { readonly baseName: string; readonly type: string }
/** A published model of any kind; all of them have the shape of the Pod's. */
type Model = new (object: object) => Pick<Pod, 'validate'>

const CLIENT_MODELS = new Map<string, unknown>(Object.entries(k8s))

/**
 * Returns the problems of an object by the published schemas. These ignore unknown fields, which an API server refuses or
 * drops, so the client's models check the field names.
 */
export async function findSchemaProblems(manifest: Manifest): Promise<string[]> {
  const { apiVersion, kind } = manifest
  const version = apiVersion.split('/').at(-1) ?? ''
  const unknown = findUnknownFields(manifest, `${version.toUpperCase()}${kind}`, '')
  const module = `kubernetes-models/${apiVersion}`
  const models: Readonly<Record<string, Model>> = await import(module)
  const Published = models[kind]
  if (Published === undefined) return [...unknown, `${apiVersion} has no ${kind}`]
  try {
    new Published(manifest).validate()
    return unknown
  } catch (error) {
    return [...unknown, String(error)]
  }
}

function findUnknownFields(value: unknown, type: string, at: string): string[] {
  const listed = /^Array<(.+)>$/.exec(type)?.[1]
  if (listed !== undefined && Array.isArray(value))
    return value.flatMap((one: unknown, index) => findUnknownFields(one, listed, `${at}/${index}`))
  const fields = fieldsOf(type)
  if (fields === null || typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, inner]) => {
    const field = fields.find(({ baseName }) => baseName === name)
    return field === undefined ? [`${at}/${name} is unknown`] : findUnknownFields(inner, field.type, `${at}/${name}`)
  })
}

function fieldsOf(type: string): readonly Field[] | null {
  const model = CLIENT_MODELS.get(type)
  if (typeof model !== 'function' || !('getAttributeTypeMap' in model)) return null
  return (model as { getAttributeTypeMap(): readonly Field[] }).getAttributeTypeMap()
}
