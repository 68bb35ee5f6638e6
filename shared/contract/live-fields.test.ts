import * as v from 'valibot'
import { expect, test } from 'vitest'

import { shortText } from './live-fields.ts'

test('text that was cut within a character is taken, without the half that Postgres refuses', () => {
  expect(v.parse(shortText, `a${'😀'.slice(0, 1)}`)).toBe('a\uFFFD')
  expect(v.parse(shortText, `${'😀'.slice(1)}b😀`)).toBe('\uFFFDb😀')
})

test('text that is too long or holds NUL is refused', () => {
  expect(v.safeParse(shortText, 'a'.repeat(301)).success).toBe(false)
  expect(v.safeParse(shortText, 'a\0').success).toBe(false)
})
