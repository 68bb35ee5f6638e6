import { badRequest, type ApiError } from './api-error.ts'
import { asPod, isJsonObject, type JsonObject, type Pod } from './wire.ts'

type Field = { readonly baseName: string; readonly type: string; readonly format: string }
type Fields = ReadonlyMap<string, Field>

/** A Pod from outside: what the API knows of it, and the paths of what it does not know. */
export type ReadPod = { readonly pod: Pod; readonly unknownFields: readonly string[] }

/** The client's models are plain files: all that a Pod can hold costs a tenth of a second, the package ten times that. */
const MODELS = '@kubernetes/client-node/dist/gen/models'
/** What the API has had since the models were made. */
const NEWER_FIELDS: Readonly<Record<string, readonly Field[]>> = {
  V1PodStatus: [
    { baseName: 'allocatedResources', type: '{ [key: string]: string; }', format: '' },
    { baseName: 'resources', type: 'any', format: '' },
  ],
}
const models = new Map<string, Fields>()
let loading: Promise<void> | null = null

/**
 * Takes JSON as a Pod: leaves out what no field of the API is called, as the API server does.
 * @throws ApiError 400 where a field has the wrong type
 */
export async function readPod(json: unknown): Promise<ReadPod> {
  loading ??= loadModel('V1Pod')
  await loading
  if (!isJsonObject(json)) throw badRequest('the body of the request is not an object')
  // What is left out is what the path says.
  const { kind = 'Pod', apiVersion = 'v1' } = json
  if (apiVersion !== 'v1') {
    throw badRequest(`the API version in the data (${String(apiVersion)}) does not match the expected API version (v1)`)
  }
  if (kind !== 'Pod') {
    const name = String(kind)
    throw badRequest(
      `${name} in version "v1" cannot be handled as a Pod: converting (v1.${name}) to (core.Pod): unknown conversion`,
    )
  }
  const unknownFields: string[] = []
  const pod = readModel(json, { type: 'V1Pod', path: '', unknownFields })
  return { pod: asPod(pod), unknownFields }
}

async function loadModel(type: string): Promise<void> {
  if (models.has(type)) return
  models.set(type, new Map())
  const module: Record<string, { attributeTypeMap?: readonly Field[] }> = await import(`${MODELS}/${type}.js`)
  const { attributeTypeMap } = module[type] ?? {}
  const fields = [...(attributeTypeMap ?? []), ...(NEWER_FIELDS[type] ?? [])]
  models.set(type, new Map(fields.map((field) => [field.baseName, field])))
  const inner = fields.map((field) => itemType(field.type)).filter((name) => /^(?:Core)?V1/.test(name))
  await Promise.all(inner.map(loadModel))
}

type Place = {
  readonly type: string
  readonly path: string
  readonly unknownFields: string[]
}

function readModel(json: JsonObject, { type, path, unknownFields }: Place): JsonObject {
  const fields = models.get(type)
  if (fields === undefined || fields.size === 0) return json
  const read: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(json)) {
    const field = fields.get(name)
    const at = path === '' ? name : `${path}.${name}`
    if (field === undefined) unknownFields.push(at)
    // Go takes null for absence.
    else if (value !== null) read[name] = readValue(value, field, { type, path: at, unknownFields })
  }
  return read
}

function readValue(value: unknown, field: Field, place: Place): unknown {
  const item = itemType(field.type)
  if (field.type.startsWith('Array<')) {
    if (!Array.isArray(value)) throw wrongType(value, field, place)
    return value.map((one: unknown, index) =>
      readValue(one, { ...field, type: item }, { ...place, path: `${place.path}[${index}]` }),
    )
  }
  if (models.has(field.type)) {
    if (!isJsonObject(value)) throw wrongType(value, field, place)
    return readModel(value, { ...place, type: field.type })
  }
  if (!isOfType(value, field.type)) throw wrongType(value, field, place)
  return value
}

function itemType(type: string): string {
  return /^Array<(.*)>$/.exec(type)?.[1] ?? type
}

function isOfType(value: unknown, type: string): boolean {
  if (type === 'string' || type === 'Date') return typeof value === 'string'
  if (type === 'number' || type === 'boolean') return typeof value === type
  if (type === 'IntOrString') return typeof value === 'string' || typeof value === 'number'
  if (type.startsWith('{')) return isJsonObject(value)
  return true
}

const GO_TYPES: Readonly<Record<string, string>> = { boolean: 'bool', string: 'string', Date: 'Time' }

function wrongType(value: unknown, { type, format }: Field, place: Place): ApiError {
  const found = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value
  const wanted = GO_TYPES[type] ?? (type === 'number' ? format : type.replace(/^V1/, 'v1.'))
  const path = place.path.replaceAll(/\[\d+\]/g, '')
  return unreadable(
    `json: cannot unmarshal ${found} into Go struct field ${place.type.replace(/^V1/, '')}.${path} of type ${wanted}`,
  )
}

/** The body is no Pod: said as the API server's decoder says it. */
export function unreadable(why: string): ApiError {
  return badRequest(`Pod in version "v1" cannot be handled as a Pod: ${why}`)
}
