import { MARKER, type AmfObject, type AmfValue } from './amf0-value.ts'
import { RtmpError } from './rtmp-error.ts'

/** Deepest nesting of objects and arrays. */
const MAX_DEPTH = 16
/** Most values of one message. */
const MAX_VALUES = 10_000

/** A position in the bytes, and how many values may still be read. */
type AmfCursor = { readonly bytes: Buffer; offset: number; valuesLeft: number }

/**
 * Reads the values that stand one after the other in a message (AMF0 §2).
 * @throws RtmpError where they are cut off, nested too deeply, too many, or of a type that no message needs
 */
export function readAmf0(bytes: Buffer): readonly AmfValue[] {
  const cursor = { bytes, offset: 0, valuesLeft: MAX_VALUES }
  const values: AmfValue[] = []
  while (cursor.offset < bytes.length) values.push(readValue(cursor, 0))
  return values
}

function readValue(cursor: AmfCursor, depth: number): AmfValue {
  if (depth > MAX_DEPTH) throw new RtmpError(`AMF values are nested deeper than ${MAX_DEPTH}`)
  if (cursor.valuesLeft-- === 0) throw new RtmpError(`a message has more than ${MAX_VALUES} AMF values`)
  const marker = readBytes(cursor, 1).readUInt8()
  switch (marker) {
    case MARKER.object:
      return readProperties(cursor, depth)
    case MARKER.typedObject:
      readString(cursor, 2)
      return readProperties(cursor, depth)
    case MARKER.ecmaArray:
      // The count of an associative array is only a hint: it ends as an object does.
      readBytes(cursor, 4)
      return readProperties(cursor, depth)
    case MARKER.strictArray:
      return readArray(cursor, depth)
    default:
      return readSimpleValue(cursor, marker)
  }
}

function readSimpleValue(cursor: AmfCursor, marker: number): AmfValue {
  switch (marker) {
    case MARKER.number:
      return readBytes(cursor, 8).readDoubleBE()
    case MARKER.boolean:
      return readBytes(cursor, 1)[0] !== 0
    case MARKER.string:
      return readString(cursor, 2)
    case MARKER.longString:
    case MARKER.xmlDocument:
      return readString(cursor, 4)
    case MARKER.null:
    case MARKER.undefined:
    case MARKER.unsupported:
      return null
    case MARKER.date:
      // The time zone after the time is reserved (AMF0 §2.13).
      return readBytes(cursor, 10).readDoubleBE()
    default:
      throw new RtmpError(`AMF values of type ${marker} are not supported`)
  }
}

function readArray(cursor: AmfCursor, depth: number): readonly AmfValue[] {
  const count = readBytes(cursor, 4).readUInt32BE()
  const values: AmfValue[] = []
  for (let i = 0; i < count; i++) values.push(readValue(cursor, depth + 1))
  return values
}

function readProperties(cursor: AmfCursor, depth: number): AmfObject {
  const properties = new Map<string, AmfValue>()
  for (;;) {
    const name = readString(cursor, 2)
    if (name === '' && cursor.bytes[cursor.offset] === MARKER.objectEnd) {
      cursor.offset++
      return properties
    }
    properties.set(name, readValue(cursor, depth + 1))
  }
}

/** Reads a text in UTF-8 after its length of two or four bytes. */
function readString(cursor: AmfCursor, lengthBytes: 2 | 4): string {
  return readBytes(cursor, readBytes(cursor, lengthBytes).readUIntBE(0, lengthBytes)).toString()
}

function readBytes(cursor: AmfCursor, count: number): Buffer {
  const end = cursor.offset + count
  if (end > cursor.bytes.length) throw new RtmpError('an AMF value is cut off')
  const bytes = cursor.bytes.subarray(cursor.offset, end)
  cursor.offset = end
  return bytes
}
