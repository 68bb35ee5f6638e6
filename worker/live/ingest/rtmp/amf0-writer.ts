import { encodeUint32 } from './chunk-writer.ts'
import { MARKER, type AmfObject, type AmfValue } from './amf0-value.ts'

/** Longest text of the short form, in bytes. */
const MAX_SHORT_BYTES = 0xffff

/** Returns values one after the other in AMF0 (AMF0 §2). */
export function encodeAmf0(...values: readonly AmfValue[]): Buffer {
  const parts: Buffer[] = []
  for (const value of values) writeValue(parts, value)
  return Buffer.concat(parts)
}

/** Returns an object of AMF0 with these properties. */
export function toAmfObject(properties: Readonly<Record<string, AmfValue>>): AmfObject {
  return new Map(Object.entries(properties))
}

function writeValue(parts: Buffer[], value: AmfValue): void {
  if (value === null) parts.push(Buffer.from([MARKER.null]))
  else if (typeof value === 'number') parts.push(encodeNumber(value))
  else if (typeof value === 'boolean') parts.push(Buffer.from([MARKER.boolean, value ? 1 : 0]))
  else if (typeof value === 'string') writeString(parts, value)
  else if (isArray(value)) {
    parts.push(Buffer.from([MARKER.strictArray]), encodeUint32(value.length))
    for (const element of value) writeValue(parts, element)
  } else writeObject(parts, value)
}

function isArray(value: readonly AmfValue[] | AmfObject): value is readonly AmfValue[] {
  return Array.isArray(value)
}

function encodeNumber(value: number): Buffer {
  const bytes = Buffer.alloc(9)
  bytes.writeDoubleBE(value, 1)
  return bytes
}

function writeString(parts: Buffer[], value: string): void {
  const text = Buffer.from(value)
  if (text.length <= MAX_SHORT_BYTES) parts.push(Buffer.from([MARKER.string]), encodeName(text))
  else parts.push(Buffer.from([MARKER.longString]), encodeUint32(text.length), text)
}

function writeObject(parts: Buffer[], properties: AmfObject): void {
  parts.push(Buffer.from([MARKER.object]))
  for (const [name, value] of properties) {
    parts.push(encodeName(Buffer.from(name)))
    writeValue(parts, value)
  }
  parts.push(Buffer.from([0, 0, MARKER.objectEnd]))
}

function encodeName(text: Buffer): Buffer {
  const bytes = Buffer.alloc(2 + text.length)
  bytes.writeUInt16BE(text.length)
  text.copy(bytes, 2)
  return bytes
}
