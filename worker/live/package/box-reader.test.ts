import { array, assert, nat, property, uint8Array } from 'fast-check'
import { expect, test } from 'vitest'

import { createBoxReader } from './box-reader.ts'

function encodeBox(type: string, body: Uint8Array): Buffer {
  const header = Buffer.alloc(8)
  header.writeUInt32BE(8 + body.length, 0)
  header.write(type, 4, 'latin1')
  return Buffer.concat([header, body])
}

test('boxes come out whole and in order, however their bytes arrive', () => {
  const boxes = array(uint8Array({ maxLength: 40 }), { maxLength: 6 })
  assert(
    property(boxes, array(nat({ max: 50 })), (bodies, sizes) => {
      const expected = bodies.map((body, index) => ({ type: `box${index}`, bytes: encodeBox(`box${index}`, body) }))
      let rest = Buffer.concat(expected.map(({ bytes }) => bytes))
      const reader = createBoxReader()
      const read = [...sizes, rest.length].flatMap((size) => {
        const chunk = rest.subarray(0, size)
        rest = rest.subarray(size)
        return reader.push(chunk)
      })
      expect(read).toEqual(expected)
    }),
  )
})

test('a size that is no size ends the reading', () => {
  expect(() => createBoxReader().push(Buffer.from('00000007666f6f6f', 'hex'))).toThrow(RangeError)
  expect(() => createBoxReader().push(Buffer.from('ffffffff6d646174', 'hex'))).toThrow(RangeError)
})
