import { afterAll, beforeAll, expect, it } from 'vitest'

import { startTestGateway, type TestGateway } from '../../../testing/test-gateway.ts'
import { cookieOf, signUp, type TestUser } from '../../testing/live-gateway.ts'

let gateway: TestGateway
let anna: TestUser
beforeAll(async () => {
  gateway = await startTestGateway()
  anna = await signUp(gateway.api, 'anna')
})
afterAll(() => gateway[Symbol.asyncDispose]())

const headers = () => ({
  cookie: cookieOf(anna),
  origin: gateway.url,
})
const read = async (path: string) => (await fetch(gateway.url + path, { headers: headers() })).text()
const save = async (about: string) => {
  const { username, email } = anna.user
  const body = new URLSearchParams({ form: 'profile', username, email, about })
  const init = { method: 'POST', headers: headers(), body, redirect: 'manual' } as const
  const answer = await fetch(`${gateway.url}/settings`, init)
  return { status: answer.status, html: await answer.text() }
}

it('what a user writes about the channel is on its page, as it is written', async () => {
  expect(await read('/@anna')).not.toContain('aria-label="About"')
  expect((await save('  Synths,\r\nand <b>tape</b>.  ')).status).toBe(303)
  expect(await read('/@anna')).toMatch(
    /aria-label="About"><p class="description">Synths,\nand &lt;b&gt;tape&lt;\/b&gt;\.<\/p>/,
  )
  expect(await read('/settings')).toMatch(/<textarea id="about"[^>]*>Synths,\nand &lt;b&gt;/)
  expect(await read('/@anna?lang=ja')).toContain('aria-label="紹介"')
  expect((await save('')).status).toBe(303)
  expect(await read('/@anna')).not.toContain('class="description"')
})

it('a text that is too long is refused, and stays in the form', async () => {
  const { status, html } = await save('x'.repeat(1001))
  expect([status, html.includes('Write up to 1000 characters.'), html.includes('x'.repeat(1001))]).toEqual([
    400,
    true,
    true,
  ])
  // Its length counts as the field of a browser does: a line break is one character.
  expect((await save(`${'x\r\n'.repeat(499)}xy`)).status).toBe(303)
})
