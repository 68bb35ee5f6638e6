import { badRequestError, type ApiError } from './errors.ts'
import { asPod, isJsonObject, type JsonObject, type Pod } from '../wire.ts'

type Field = { readonly baseName: string; readonly type: string; readonly format: string }
type Fields = ReadonlyMap<string, Field>

/** A decoded Pod, without its unknown fields, and the paths of these. */
export type DecodedPod = { readonly pod: Pod; readonly unknownFields: readonly string[] }

/** The models are imported one by one: those of a Pod take a tenth of a second, the whole package takes ten times that. */
const MODELS = '@kubernetes/client-node/dist/gen/models'
/** Fields that the API has gained since the models were generated. */
const NEWER_FIELDS: Readonly<Record<string, readonly Field[]>> = {
  V1PodStatus: [
    { baseName: 'allocatedResources', type: '{ [key: string]: string; }', format: '' },
    { baseName: 'resources', type: 'any', format: '' },
  ],
}
const models = new Map<string, Fields>()
let loading: Promise<void> | null = null

/**
 * Decodes JSON into a Pod and drops unknown fields, as the API server does.
 * @throws ApiError 400 if a field has the wrong type
 */
export async function decodePod(json: unknown): Promise<DecodedPod> {
  loading ??= loadModel('V1Pod')
  await loading
  if (!isJsonObject(json)) throw badRequestError('the body of the request is not an object')
  // The path implies the defaults.
  const { kind = 'Pod', apiVersion = 'v1' } = json
  if (apiVersion !== 'v1') {
    throw badRequestError(
      `the API version in the data (${String(apiVersion)}) does not match the expected API version (v1)`,
    )
  }
  if (kind !== 'Pod') {
    const name = String(kind)
    throw badRequestError(
      `${name} in version "v1" cannot be handled as a Pod: converting (v1.${name}) to (core.Pod): unknown conversion`,
    )
  }
  const unknownFields: string[] = []
  const pod = decodeModel(json, { type: 'V1Pod', path: '', unknownFields })
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

type DecodingPlace = {
  readonly type: string
  readonly path: string
  readonly unknownFields: string[]
}

function decodeModel(json: JsonObject, { type, path, unknownFields }: DecodingPlace): JsonObject {
  const fields = models.get(type)
  if (fields === undefined || fields.size === 0) return json
  const decoded: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(json)) {
    const field = fields.get(name)
    const at = path === '' ? name : `${path}.${name}`
    if (field === undefined) unknownFields.push(at)
    // Go decodes null as absence.
    else if (value !== null) decoded[name] = decodeValue(value, field, { type, path: at, unknownFields })
  }
  return decoded
}

function decodeValue(value: unknown, field: Field, place: DecodingPlace): unknown {
  const item = itemType(field.type)
  if (field.type.startsWith('Array<')) {
    if (!Array.isArray(value)) throw wrongTypeError(value, field, place)
    return value.map((one: unknown, index) =>
      decodeValue(one, { ...field, type: item }, { ...place, path: `${place.path}[${index}]` }),
    )
  }
  if (models.has(field.type)) {
    if (!isJsonObject(value)) throw wrongTypeError(value, field, place)
    return decodeModel(value, { ...place, type: field.type })
  }
  if (!isOfType(value, field.type)) throw wrongTypeError(value, field, place)
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

function wrongTypeError(value: unknown, { type, format }: Field, place: DecodingPlace): ApiError {
  const found = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value
  const wanted = GO_TYPES[type] ?? (type === 'number' ? format : type.replace(/^V1/, 'v1.'))
  const path = place.path.replaceAll(/\[\d+\]/g, '')
  return decodingError(
    `json: cannot unmarshal ${found} into Go struct field ${place.type.replace(/^V1/, '')}.${path} of type ${wanted}`,
  )
}

/** Makes the error of a body that is no Pod, with the message of the API server's decoder. */
export function decodingError(why: string): ApiError {
  return badRequestError(`Pod in version "v1" cannot be handled as a Pod: ${why}`)
}
