import { expect, test } from 'vitest'

import { hrefOf, queryOf } from './query-text.ts'

test.each([
  ["https://a.example/f.mp4?name*=UTF-8''x.mp4&sig=a%27b", "https://a.example/f.mp4?name*=UTF-8''x.mp4&sig=a%27b"],
  ["https://a.example/it's.mp4?sig=it's#t'1", "https://a.example/it's.mp4?sig=it's#t'1"],
  ["?a='ä b'", "https://a.example/x/y?a='%C3%A4%20b'"],
  ["z?'?'", "https://a.example/x/z?'?'"],
  [" /q?'1' ", "https://a.example/q?'1'"],
  ['/plain?a=%27', 'https://a.example/plain?a=%27'],
  ["/p'", "https://a.example/p'"],
])('apostrophes in the query of %s stay as they are', (reference, expected) => {
  expect(hrefOf(new URL(reference, 'https://a.example/x/y?q=1'), reference)).toBe(expected)
})

test('a query keeps its apostrophes and is otherwise escaped as usual', () => {
  for (const [text, query] of [
    ["http://a.example/?a='b c'&d=\"", "?a='b%20c'&d=%22"],
    ['http://a.example/?', ''],
    ['http://a.example/', ''],
    ["http://a.example/?'", "?'"],
  ] as const)
    expect(queryOf(text, new URL(text))).toBe(query)
})
