import { expect, test } from 'vitest'

import { createByteCache } from './byte-cache.ts'

test('the oldest values leave first, and no more of them than must', () => {
  const cache = createByteCache<string>(10, (value) => value.length)
  for (const key of ['a', 'b', 'c']) cache.keep(key, key.repeat(4))
  expect(['a', 'b', 'c'].map((key) => cache.get(key))).toEqual([undefined, 'bbbb', 'cccc'])
})

test('a value that is kept again takes its bytes once', () => {
  const cache = createByteCache<string>(10, (value) => value.length)
  for (let i = 0; i < 5; i++) cache.keep('a', 'aaaa')
  cache.keep('b', 'bbbb')
  expect([cache.get('a'), cache.get('b')]).toEqual(['aaaa', 'bbbb'])
})
