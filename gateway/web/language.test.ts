import { Hono } from 'hono'
import { expect, test } from 'vitest'

import { chooseLanguage } from './language.ts'

const app = new Hono().get('/', (c) => c.text(chooseLanguage(c)))

async function languageFor(path: string, headers: Record<string, string> = {}): Promise<string> {
  return (await app.request(path, { headers })).text()
}

test.each([
  ['', 'en'],
  ['ja', 'ja'],
  ['ja-JP,ja;q=0.9,en;q=0.8', 'ja'],
  ['en-GB;q=0.7, ja;q=0.8', 'ja'],
  ['de, fr;q=0.9', 'en'],
  ['ja;q=0, en', 'en'],
])('a browser that accepts "%s" gets %s', async (accepted, language) => {
  expect(await languageFor('/', { 'accept-language': accepted })).toBe(language)
})

test('the address chooses before the cookie, and the cookie before the browser', async () => {
  const headers = { cookie: 'tallylight_language=ja', 'accept-language': 'en' }
  expect(await languageFor('/', headers)).toBe('ja')
  expect(await languageFor('/?lang=en', headers)).toBe('en')
  expect(await languageFor('/?lang=klingon', headers)).toBe('ja')
})

test('a choice by the address is kept in a cookie, and nothing else is', async () => {
  expect((await app.request('/?lang=ja')).headers.get('set-cookie')).toMatch(
    /^tallylight_language=ja; Max-Age=31536000/,
  )
  expect((await app.request('/')).headers.get('set-cookie')).toBeNull()
})
