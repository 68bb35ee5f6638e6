import { afterAll, beforeAll, expect, it } from 'vitest'

import { verifyWebhook } from '../../../../shared/net/signing.ts'
import { startReceiver } from '../../../testing/receiver.ts'
import { startTestGateway, type TestGateway } from '../../../testing/test-gateway.ts'
import { cookieOf, signUp, type TestUser } from '../../testing/live-gateway.ts'

let gateway: TestGateway
let [anna, ben]: TestUser[] = []
beforeAll(async () => {
  gateway = await startTestGateway({ env: { LIVE_WATCHDOG: 'true' } })
  anna = await signUp(gateway.api, 'anna')
  ben = await signUp(gateway.api, 'ben')
})
afterAll(() => gateway[Symbol.asyncDispose]())

async function open(who: TestUser | undefined, query = ''): Promise<string> {
  const headers = who === undefined ? {} : { cookie: cookieOf(who) }
  return (await fetch(`${gateway.url}/settings${query}`, { headers })).text()
}

async function send(who: TestUser | undefined, form: string, fields: Record<string, string> = {}, query = '') {
  const answer = await fetch(`${gateway.url}/settings${query}`, {
    method: 'POST',
    redirect: 'manual',
    body: new URLSearchParams({ form, ...fields }),
    headers: { origin: gateway.url, ...(who === undefined ? {} : { cookie: cookieOf(who) }) },
  })
  return { status: answer.status, location: answer.headers.get('location'), text: await answer.text() }
}

const secretIn = (html: string): string => /<code>([\da-f]{64})<\/code>/.exec(html)?.[1] ?? ''

it('without scripts, a user sets an address for faults, sees its secret once, tests it, renews the secret and turns it off', async () => {
  await using receiver = await startReceiver('another key')
  expect(await open(anna)).toMatch(/href="#webhook"[\s\S]*id="webhook"[\s\S]*name="fault_webhook_url"/)
  expect(await open(anna)).not.toContain('value="webhook-test"')
  const set = await send(anna, 'webhook', { fault_webhook_url: ` ${receiver.url} ` })
  expect([set.status, set.text]).toEqual([200, expect.stringContaining('it is shown only once')])
  const secret = secretIn(set.text)
  expect(secret).not.toBe('')
  expect(set.text).toContain(`action="settings?lang=ja"`)
  const japanese = await send(anna, 'webhook-secret-shown', { secret }, '?lang=ja')
  expect([secretIn(japanese.text), japanese.text]).toEqual([secret, expect.stringContaining('lang="ja"')])
  expect((await send(anna, 'webhook-secret-shown', { secret: 'another' })).location).toBe('settings#webhook')
  expect((await send(ben, 'webhook-secret-shown', { secret })).location).toBe('settings#webhook')
  const page = await open(anna)
  expect(page).toContain(`value="${receiver.url}"`)
  expect(secretIn(page)).toBe('')
  const again = await send(anna, 'webhook', { fault_webhook_url: receiver.url })
  expect([again.status, again.location]).toEqual([303, 'settings?saved=webhook#webhook'])

  expect((await send(anna, 'webhook-test')).location).toBe('settings?saved=webhook-test#webhook')
  const { headers, body } = await receiver.waitFor(({ payload }) => payload.event_type === 'fault.test')
  const signed = { timestamp: String(headers['x-timestamp']), signature: String(headers['x-signature-256']), body }
  expect(verifyWebhook(secret, signed, Date.now())).toBe('valid')
  await expect.poll(() => open(anna)).toMatch(/fault\.test<\/strong> <span class="badge">delivered/)

  const renewed = secretIn((await send(anna, 'webhook-secret')).text)
  expect(renewed).toMatch(/^[\da-f]{64}$/)
  expect(renewed).not.toBe(secret)
  expect((await send(anna, 'webhook-off')).location).toBe('settings?saved=webhook-off#webhook')
  expect(await open(anna, '?saved=webhook-off')).toContain('The webhook is off.')
  expect(await open(anna)).not.toContain(receiver.url)
})

it('an address that is wrong stays in its field, with what is wrong in the language of the page', async () => {
  const wrong = await send(ben, 'webhook', { fault_webhook_url: 'ftp://example.com' })
  expect(wrong.status).toBe(400)
  expect(wrong.text).toMatch(/value="ftp:\/\/example\.com"[\s\S]*Enter an http or https address/)
  const japanese = await send(ben, 'webhook', { fault_webhook_url: '' }, '?lang=ja')
  expect(japanese.text).toContain('httpまたはhttpsのアドレスを')
  const early = await send(ben, 'webhook-test')
  expect([early.status, early.text]).toEqual([404, expect.stringContaining('Set an address first.')])
})
