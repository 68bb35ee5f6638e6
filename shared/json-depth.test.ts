import { expect, test } from 'vitest'

import { isNestedBeyond } from './json-depth.ts'

test.each([
  ['[[1], {"a": [2]}]', 3],
  [String.raw`{"text": "[[[[\"[[", "a": []}`, 2],
  [String.raw`["\\", [], "]"]`, 2],
  ['"[[[', 0],
  ['1', 0],
])('%s is nested as deep as %i', (text, depth) => {
  expect(isNestedBeyond(text, depth)).toBe(false)
  expect(isNestedBeyond(text, depth - 1)).toBe(true)
})

test('a long text of any kind is read at once', () => {
  expect(isNestedBeyond('['.repeat(1_000_000), 32)).toBe(true)
  expect(isNestedBeyond('[]'.repeat(500_000), 32)).toBe(false)
  expect(isNestedBeyond(`"${'\\'.repeat(1_000_000)}`, 32)).toBe(false)
})
