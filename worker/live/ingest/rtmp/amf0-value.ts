/** A value of AMF0 (Action Message Format 0). Dates are ms since 1970; undefined and unsupported values are `null`. */
export type AmfValue = number | boolean | string | null | readonly AmfValue[] | AmfObject

/** An object or an associative array. A map, so that no property's name has a meaning of its own. */
export type AmfObject = ReadonlyMap<string, AmfValue>

/** Type markers (AMF0 §2.1). */
export const MARKER = {
  number: 0,
  boolean: 1,
  string: 2,
  object: 3,
  null: 5,
  undefined: 6,
  ecmaArray: 8,
  objectEnd: 9,
  strictArray: 10,
  date: 11,
  longString: 12,
  unsupported: 13,
  xmlDocument: 15,
  typedObject: 16,
} as const

/** Returns a property's text; `null` where it is absent or of another type. */
export function readTextProperty(value: AmfValue | undefined, name: string): string | null {
  const property = readProperty(value, name)
  return typeof property === 'string' ? property : null
}

/** Returns a property's number; `null` where it is absent, of another type, or not finite. */
export function readNumberProperty(value: AmfValue | undefined, name: string): number | null {
  const property = readProperty(value, name)
  return typeof property === 'number' && Number.isFinite(property) ? property : null
}

function readProperty(value: AmfValue | undefined, name: string): AmfValue | undefined {
  return value instanceof Map ? (value as AmfObject).get(name) : undefined
}
