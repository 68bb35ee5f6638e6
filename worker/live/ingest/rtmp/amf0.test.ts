import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { readAmf0 } from './amf0-reader.ts'
import type { AmfValue } from './amf0-value.ts'
import { encodeAmf0 } from './amf0-writer.ts'
import { encodeUint32 } from './chunk-writer.ts'
import { RtmpError } from './rtmp-error.ts'

const name = fc.oneof(fc.string({ minLength: 1 }), fc.constantFrom('__proto__', 'constructor'))
const { value: anyValue } = fc.letrec<{ value: AmfValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.double({ noNaN: true }),
    fc.boolean(),
    fc.string(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.array(fc.tuple(name, tie('value')), { maxLength: 4 }).map((entries) => new Map(entries)),
  ),
}))

describe('AMF0', () => {
  test('what is written is read as it was', () => {
    fc.assert(
      fc.property(fc.array(anyValue, { maxLength: 4 }), (values) => {
        expect(readAmf0(encodeAmf0(...values))).toEqual(values)
      }),
    )
  })

  test('a text of more than 65,535 bytes has the long form', () => {
    const text = 'ä'.repeat(40_000)
    expect(readAmf0(encodeAmf0(text))).toEqual([text])
  })

  test('a value that is cut off anywhere is refused', () => {
    fc.assert(
      fc.property(anyValue, fc.nat(), (value, at) => {
        const bytes = encodeAmf0(value)
        fc.pre(bytes.length > 1)
        const cutAt = 1 + (at % (bytes.length - 1))
        expect(() => readAmf0(bytes.subarray(0, cutAt))).toThrow(RtmpError)
      }),
    )
  })

  test('random bytes never cause another error than a broken protocol', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          readAmf0(Buffer.from(bytes))
        } catch (error) {
          if (!(error instanceof RtmpError)) throw error
        }
      }),
    )
  })

  test.each([
    ['nested deeper than 16', Buffer.concat(Array.from({ length: 18 }, () => Buffer.from([10, 0, 0, 0, 1])))],
    ['an array that claims four billion values', Buffer.concat([Buffer.from([10]), encodeUint32(0xffffffff)])],
    ['more than 10,000 values', Buffer.alloc(10_001, 5)],
    ['of AMF3', Buffer.from([17, 1])],
    ['a reference', Buffer.from([7, 0, 0])],
  ])('values are refused: %s', (_name, bytes) => {
    expect(() => readAmf0(bytes)).toThrow(RtmpError)
  })

  test('associative arrays, typed objects, dates, undefined and unsupported values are read', () => {
    const property = Buffer.from([0, 1, 0x61, 5, 0, 0, 9])
    const date = Buffer.alloc(11)
    date[0] = 11
    date.writeDoubleBE(1234, 1)
    const bytes = Buffer.concat([
      Buffer.from([8, 0, 0, 0, 9]),
      property,
      Buffer.from([16, 0, 1, 0x54]),
      property,
      date,
      Buffer.from([6, 13]),
    ])
    const object = new Map([['a', null]])
    expect(readAmf0(bytes)).toEqual([object, object, 1234, null, null])
  })
})
