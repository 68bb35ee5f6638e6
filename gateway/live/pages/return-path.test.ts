import { expect, test } from 'vitest'

import { returnPathOf } from './return-path.ts'

test.each(['studio', 'studio/new', 'watch/01a2-b', '@mika', 'archives/01'])('%s is a page to return to', (path) => {
  expect(returnPathOf(path)).toBe(path)
})

test.each([
  '//evil.example',
  '/\\evil.example',
  'https://evil.example',
  'javascript:alert(1)',
  '../../x',
  'a//b',
  'a/..',
  ' studio',
  '',
  undefined,
])('%s is none: the start page is', (path) => {
  expect(returnPathOf(path)).toBe('.')
})
