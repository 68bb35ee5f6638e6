import { expect, test } from 'vitest'

import { createCookieJar } from './cookie-jar.ts'

const url = (text: string) => new URL(text)

/** Returns the cookies for a second URL after these were set by the first. */
function sent(from: string, to: string, ...lines: string[]): string | null {
  const jar = createCookieJar(() => 1000)
  jar.store(url(from), lines)
  return jar.headerFor(url(to))
}

test('a cookie goes back to its host and path, and to the domain that it names', () => {
  const from = 'https://a.cdn.test/live/index.m3u8'
  expect(sent(from, 'https://a.cdn.test/live/s0.ts', 'k=1; HttpOnly', 'p=2; Path=/')).toBe('k=1; p=2')
  expect(sent(from, 'https://a.cdn.test/other', 'k=1')).toBe(null)
  expect(sent(from, 'https://b.cdn.test/live/s0.ts', 'k=1')).toBe(null)
  expect(sent(from, 'https://b.cdn.test/x', 'k=1; Domain=.cdn.test; Path=/')).toBe('k=1')
  expect(sent(from, 'http://a.cdn.test/live/s0.ts', 'k=1; Secure')).toBe(null)
})

test('a cookie for a foreign domain or for a whole top-level domain is refused', () => {
  expect(sent('https://a.test/', 'https://b.test/', 'k=1; Domain=b.test')).toBe(null)
  expect(sent('https://a.test/', 'https://b.test/', 'k=1; Domain=test')).toBe(null)
})

test('a cookie with a control character other than a tab, which no request can carry, is ignored', () => {
  const from = 'http://a.test/'
  const lines = ['\0', '\u0001', '\n', '\u001f', '\u007f'].map((control, index) => `c${index}=x${control}y`)
  expect(sent(from, from, ...lines, 'k=1; Path=/\u0001', 'tab=x\ty', 'high=\u00e9')).toBe('tab=x\ty; high=\u00e9')
})

test('a cookie that has expired is removed, and a new value replaces the old one', () => {
  const from = 'http://a.test/'
  expect(sent(from, from, 'k=1', 'k=2')).toBe('k=2')
  expect(sent(from, from, 'k=1', 'k=2; Max-Age=0')).toBe(null)
  expect(sent(from, from, 'k=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT')).toBe(null)
  expect(sent(from, from, '=x', 'novalue', 'k=1; Max-Age=60')).toBe('k=1')
})

test('a server cannot fill the memory with cookies', () => {
  const from = 'http://a.test/'
  const many = Array.from({ length: 1000 }, (_, index) => `k${index}=${'x'.repeat(1000)}`)
  expect(sent(from, from, ...many)?.length).toBeLessThan(110_000)
  expect(sent(from, from, `k=${'x'.repeat(10_000)}`)).toBe(null)
})
