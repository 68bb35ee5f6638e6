import { expect, test } from 'vitest'

import { frameText } from './text-frame.ts'

test.each([
  [0, [0x81, 0]],
  [125, [0x81, 125]],
  [126, [0x81, 126, 0, 126]],
  [65_535, [0x81, 126, 0xff, 0xff]],
  [65_536, [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]],
])('a text of %i bytes follows a header with its length', (length, header) => {
  const text = new TextEncoder().encode('x'.repeat(length))
  const frame = frameText(text)
  expect([...frame.subarray(0, header.length)]).toEqual(header)
  expect(Buffer.compare(frame.subarray(header.length), text)).toBe(0)
})

test('a text is framed once for all its clients', () => {
  const text = new TextEncoder().encode('hello')
  expect(frameText(text)).toBe(frameText(text))
})
