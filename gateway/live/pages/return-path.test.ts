import { expect, test } from 'vitest'

import { returnPathOf } from './return-path.ts'

test.each([
  'studio',
  'studio/new',
  'watch/01a2-b',
  '@mika',
  'archives/01',
  'watch/01/clip?duration=30&title=A%20%3Cb%3E+c',
])('%s is a page to return to', (path) => {
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
  '?next=x',
  'a?b?c',
  'a?//evil.example',
  'a?b#c',
  'a?b\n',
  'a?b\r\nset-cookie: c',
  `a?${'b'.repeat(4000)}`,
  '',
  undefined,
])('%s is none: the start page is', (path) => {
  expect(returnPathOf(path)).toBe('.')
})
