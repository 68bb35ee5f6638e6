import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'

import { startBrowser } from '../../../shared/testing/browser.ts'
import { signUp } from '../testing/live-gateway.ts'
import { PAGES } from './testing/listed-pages.ts'
import { openAs, startPagesGateway, type PagesGateway } from './testing/pages-gateway.ts'
import { prepareWalks, tabTo, walkBoxes, walkThrough } from './testing/walk-page.ts'

let pages: PagesGateway
let browser: Browser
let contexts: readonly BrowserContext[]
/** The tabs of a visitor and of the owner. */
let tabs: readonly Page[]

beforeAll(async () => {
  ;[pages, browser] = await Promise.all([startPagesGateway(), startBrowser()])
  const options = { locale: 'en-GB', reducedMotion: 'reduce' as const }
  contexts = [await browser.newContext(options), await openAs(browser, pages.gateway, pages.owner, options)]
  for (const context of contexts) await prepareWalks(context)
  tabs = await Promise.all(contexts.map((context) => context.newPage()))
})
afterAll(async () => {
  await browser.close()
  await pages[Symbol.asyncDispose]()
})

it.each(PAGES)('%s is gone through by Tab, and its boxes are opened and closed', async (_name, path, isOwn) => {
  const page = tabs[isOwn ? 1 : 0] as Page
  await page.goto(`${pages.gateway.url}/${path(pages.ids)}`)
  for (const walk of [await walkThrough(page), await walkBoxes(page)]) {
    expect(walk.reached).toEqual(walk.expected)
    expect(walk.problems).toEqual([])
  }
})

it('a moderator closes a report and suspends a user by the keyboard alone', async () => {
  await signUp(pages.gateway.api, 'rude-user')
  const page = tabs[1] as Page
  const { keyboard } = page
  await page.goto(`${pages.gateway.url}/admin/reports`)
  const reports = page.locator('.reports > li')
  expect(await reports.count()).toBe(2)
  await tabTo(page, 'button Close the reports of On the air')
  await keyboard.press('Enter')
  await expect.poll(() => reports.count()).toBe(1)
  await tabTo(page, 'a Users')
  await keyboard.press('Enter')
  await page.waitForURL('**/admin/users')
  await tabTo(page, 'input q')
  await keyboard.type('rude')
  await keyboard.press('Enter')
  await page.waitForURL('**/admin/users?q=rude')
  await tabTo(page, 'summary Suspend')
  await keyboard.press('Enter')
  await keyboard.press('Tab')
  await keyboard.type('Insults')
  await keyboard.press('Enter')
  await page.getByText('Insults').waitFor()
  const login = { login: 'rude-user', password: 'correct horse battery' }
  expect((await pages.gateway.api('POST', '/api/v1/auth/login', login)).status).toBe(403)
})

it('a viewer follows a channel and clips a recording by the keyboard alone', async () => {
  const viewer = await signUp(pages.gateway.api, 'viewer')
  await using context = await openAs(browser, pages.gateway, viewer, { locale: 'en-GB' })
  await prepareWalks(context)
  const page = await context.newPage()
  const { keyboard } = page
  await page.goto(`${pages.gateway.url}/watch/${pages.ids.get('live')}`)
  await tabTo(page, 'button Follow anna')
  await keyboard.press('Enter')
  await page.getByRole('button', { name: 'Unfollow anna' }).waitFor()
  await page.goto(`${pages.gateway.url}/archives/${pages.ids.get('archive')}`)
  await tabTo(page, 'summary Clip')
  await keyboard.press('Enter')
  await keyboard.press('Tab')
  await keyboard.press('Home')
  await tabTo(page, 'input title')
  await keyboard.type('What a moment')
  await keyboard.press('Enter')
  await page.getByRole('heading', { name: 'What a moment' }).waitFor()
})
