import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'

import { startBrowser } from '../../../../shared/testing/browser.ts'
import { PATIENCE_MS } from '../../../../shared/testing/until.ts'
import { signUp } from '../../testing/live-gateway.ts'
import { openAs, startPagesGateway, type PagesGateway } from '../testing/pages-gateway.ts'

/** A zone whose name no other one begins with. */
const ZONE = { locale: 'ja-JP', timezoneId: 'Asia/Tokyo' }

let pages: PagesGateway
let browser: Browser
let live = ''
beforeAll(async () => {
  ;[pages, browser] = await Promise.all([startPagesGateway(), startBrowser()])
  live = pages.ids.get('live') ?? ''
})
afterAll(async () => {
  await browser.close()
  await pages[Symbol.asyncDispose]()
})

async function openPage(path: string, options: { locale: string; timezoneId?: string }): Promise<Page> {
  const context = await openAs(browser, pages.gateway, pages.owner, options)
  context.setDefaultTimeout(PATIENCE_MS)
  const page = await context.newPage()
  await page.goto(`${pages.gateway.url}/${path}`)
  return page
}

it('a tip in the chat is in the language of the page', async () => {
  const [japanese, english] = [
    await openPage(`watch/${live}`, ZONE),
    await openPage(`watch/${live}`, { locale: 'en-GB' }),
  ]
  await japanese.getByText('投げ銭 €5.00').waitFor()
  await english.getByText('Tip €5.00').waitFor()
  expect(await japanese.locator('[data-messages] li').first().textContent()).toMatch(/mika 投げ銭 €5\.00 Great/)
})

it('the end of a ban is in the zone of the reader, with its name: to the moderator, and to the one who is banned', async () => {
  const { gateway, owner } = pages
  const { api } = gateway
  const show = (await api('POST', '/api/v1/streams', { title: 'Theirs' }, owner.headers)).json
  const guest = await signUp(api, 'banned-guest')
  const ban = { duration_sec: 3600 }
  await api('PUT', `/api/v1/streams/${show.stream_id}/bans/${guest.user.user_id}`, ban, owner.headers)
  const studio = await openPage(`studio/${show.stream_id}`, ZONE)
  await studio.getByText('モデレーション', { exact: true }).click()
  await studio.getByText(/banned-guest \(.* JSTまで\)/).waitFor()
  const context = await openAs(browser, gateway, guest, ZONE)
  const page = await context.newPage()
  await page.goto(`${gateway.url}/watch/${show.stream_id}`)
  await page.getByText(/モデレーターにより、.* JSTまでコメントできません。/).waitFor()
})
