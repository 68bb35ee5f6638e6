import type { Browser, BrowserContext } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'

import { startBrowser } from '../../../shared/testing/browser.ts'
import { PATIENCE_MS } from '../../../shared/testing/until.ts'
import { signUp } from '../testing/live-gateway.ts'
import { isTooWide } from './testing/inspect-page.ts'
import { openAs, startPagesGateway, type PagesGateway } from './testing/pages-gateway.ts'

const PHONE = { width: 360, height: 740 }
const DAY_MS = 86_400_000
/** Without a place to break them, and as long as the platform takes them. */
const [LONGEST_NAME, LONGEST_TITLE] = ['W'.repeat(50), 'W'.repeat(255)]

let pages: PagesGateway
let browser: Browser
beforeAll(async () => {
  ;[pages, browser] = await Promise.all([startPagesGateway(), startBrowser()])
})
afterAll(async () => {
  await browser.close()
  await pages[Symbol.asyncDispose]()
})

async function openPhone(locale: string): Promise<BrowserContext> {
  const context = await openAs(browser, pages.gateway, pages.owner, { locale, viewport: PHONE })
  context.setDefaultTimeout(PATIENCE_MS)
  return context
}

it('the longest names and titles are within the window', async () => {
  const { gateway, owner, ids } = pages
  const { api } = gateway
  const longest = await signUp(api, LONGEST_NAME)
  const plan = { title: LONGEST_TITLE, scheduled_for: new Date(Date.now() + DAY_MS).toISOString() }
  const { json: planned } = await api('POST', '/api/v1/streams', plan, longest.headers)
  await api('POST', '/api/v1/follows', { user_id: longest.user.user_id }, owner.headers)
  await api('PATCH', `/api/v1/streams/${ids.get('live')}`, { title: LONGEST_TITLE }, owner.headers)
  await using context = await openPhone('en-GB')
  const page = await context.newPage()
  for (const path of ['', `@${LONGEST_NAME}`, `watch/${planned.stream_id}`, `tip/${planned.stream_id}`, 'studio']) {
    await page.goto(`${gateway.url}/${path}`)
    expect([path, await page.locator('main').textContent()]).toEqual([path, expect.stringContaining('WWWW')])
    expect([path, await isTooWide(page)]).toEqual([path, false])
  }
  await page.goto(`${gateway.url}/`)
  const title = await page.locator('.featured h3').boundingBox()
  expect((title?.x ?? 0) + (title?.width ?? PHONE.width)).toBeLessThan(PHONE.width)
})

it.each([
  ['below its button', PHONE.width],
  ['over the page', 700],
])('the question before the end of a broadcast opens within the window, %s', async (_place, width) => {
  await using context = await openPhone('ja-JP')
  const page = await context.newPage()
  await page.setViewportSize({ ...PHONE, width })
  await page.goto(`${pages.gateway.url}/studio/${pages.ids.get('live')}`)
  await page.locator('.page-head summary').click()
  const box = await page.locator('.page-head .confirm-box').boundingBox()
  expect(box?.x).toBeGreaterThanOrEqual(0)
  expect((box?.x ?? 0) + (box?.width ?? width)).toBeLessThanOrEqual(width)
  expect(await isTooWide(page)).toBe(false)
})
