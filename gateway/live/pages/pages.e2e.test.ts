import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { startBrowser } from '../../../shared/testing/browser.ts'
import { until } from '../../../shared/testing/until.ts'
import type { TestGateway } from '../../testing/test-gateway.ts'
import { cookieOf, claimBroadcast, signUp, type SimulatedIngest, type TestUser } from '../testing/live-gateway.ts'
import { findBarriers, isTooWide, layoutShiftOf, recordLayoutShifts, watchPage } from './testing/inspect-page.ts'
import { PAGES, type PageIds } from './testing/listed-pages.ts'
import { openAs, startPagesGateway, type PagesGateway } from './testing/pages-gateway.ts'

const MAX_SCRIPT_BYTES = 60_000
const MAX_LAYOUT_SHIFT = 0.05
const PHONE = { width: 360, height: 740 }
const WIDE = { width: 1440, height: 900 }

let pages: PagesGateway
let gateway: TestGateway
let browser: Browser
let owner: TestUser
let ids: PageIds
let ingest: SimulatedIngest

beforeAll(async () => {
  ;[pages, browser] = await Promise.all([startPagesGateway(), startBrowser()])
  ;({ gateway, owner, ids, ingest } = pages)
})
afterAll(async () => {
  await browser.close()
  await pages[Symbol.asyncDispose]()
})

/** Opens a context with the viewer's language, colours and, for pages that need one, a session. */
async function openContext(
  look: { locale: string; colorScheme: 'dark' | 'light' },
  isSignedIn: boolean,
): Promise<BrowserContext> {
  const options = { ...look, viewport: WIDE }
  const context = await (isSignedIn ? openAs(browser, gateway, owner, options) : browser.newContext(options))
  await recordLayoutShifts(context)
  return context
}

describe.each([
  { locale: 'en-GB', colorScheme: 'dark' as const },
  { locale: 'ja-JP', colorScheme: 'light' as const },
])('in $locale on a $colorScheme ground', (look) => {
  let contexts: readonly BrowserContext[] = []
  /** The tabs of a visitor and of the owner: a tab for each page would take twice the time. */
  let tabs: readonly Page[] = []
  beforeAll(async () => {
    contexts = await Promise.all([openContext(look, false), openContext(look, true)])
    tabs = await Promise.all(contexts.map((context) => context.newPage()))
  })
  afterAll(() => Promise.all(contexts.map((context) => context.close())))

  it.each(PAGES)('%s has no barrier, keeps its policy, and stays within its budgets', async (_name, path, isOwn) => {
    const page = tabs[isOwn ? 1 : 0]
    if (page === undefined) throw new Error('there is no tab')
    // Nothing of the page before is seen any more.
    page.removeAllListeners()
    await page.setViewportSize(WIDE)
    const { lines, origins, scriptBytes } = watchPage(page)
    const answer = await page.goto(`${gateway.url}/${path(ids)}`)
    await page.waitForLoadState('load')
    const policy = answer?.headers()['content-security-policy'] ?? ''
    expect(policy).toContain("default-src 'none'")
    expect(policy).not.toMatch(/unsafe|\*|data:/)
    expect(await page.evaluate('document.documentElement.lang')).toBe(look.locale.slice(0, 2))
    expect(await findBarriers(page)).toEqual([])
    expect(await layoutShiftOf(page)).toBeLessThanOrEqual(MAX_LAYOUT_SHIFT)
    expect(await scriptBytes()).toBeLessThanOrEqual(MAX_SCRIPT_BYTES)
    await page.setViewportSize(PHONE)
    await expect.poll(() => isTooWide(page)).toBe(false)
    expect(lines).toEqual([])
    expect([...origins]).toEqual([gateway.url])
  })
})

it('a page is in the language of its address, which is kept for the next one', async () => {
  await using context = await openContext({ locale: 'en-GB', colorScheme: 'dark' }, false)
  const page = await context.newPage()
  await page.goto(`${gateway.url}/sign-in`)
  await page.getByRole('link', { name: '日本語' }).click()
  await page.getByRole('heading', { name: 'ログイン' }).waitFor()
  await page.goto(`${gateway.url}/register`)
  await page.getByRole('heading', { name: 'アカウントを作成' }).waitFor()
})

it('the list of what is live follows by itself', async () => {
  await using context = await openContext({ locale: 'en-GB', colorScheme: 'dark' }, false)
  const page = await context.newPage()
  await page.goto(`${gateway.url}/`)
  const title = page.locator('.featured h3, .card h3').first()
  await expect.poll(() => title.textContent()).toBe('On the air')
  await gateway.api('PATCH', `/api/v1/streams/${ids.get('live')}`, { title: 'Another name' }, owner.headers)
  await expect.poll(() => title.textContent()).toBe('Another name')
})

it('a broadcast that is private is not shown to others, also by its studio', async () => {
  const { json } = await gateway.api('POST', '/api/v1/streams', { title: 'Mine', visibility: 'private' }, owner.headers)
  const other = await signUp(gateway.api, 'other-viewer')
  const cookie = cookieOf(other)
  for (const path of [`/watch/${json.stream_id}`, `/studio/${json.stream_id}`]) {
    const answer = await fetch(gateway.url + path, { headers: { cookie, accept: 'text/html' } })
    expect([answer.status, (await answer.text()).includes('Mine')]).toEqual([404, false])
  }
  const open = await fetch(`${gateway.url}/studio/${ids.get('ready')}`, { headers: { cookie } })
  expect(open.status).toBe(403)
})

it('the stream key is on the page that made it, and on no other', async () => {
  await using context = await openContext({ locale: 'en-GB', colorScheme: 'dark' }, true)
  const page = await context.newPage()
  await page.goto(`${gateway.url}/studio/new`)
  await page.getByLabel('Title').fill('With a key')
  await page.getByRole('button', { name: 'Create broadcast' }).click()
  const key = page.getByText(/^sk-[0-9a-f]{32}$/)
  const first = await key.textContent()
  await page.reload()
  await page.getByRole('heading', { name: 'Connect your encoder' }).waitFor()
  expect(await key.count()).toBe(0)
  await page.getByText('New stream key').click()
  await page.getByRole('button', { name: 'Make a new key' }).click()
  expect(await key.textContent()).not.toBe(first)
})

it('without a clipboard, which pages without TLS lack, buttons copy as well, and say so only where they do', async () => {
  await using context = await openContext({ locale: 'en-GB', colorScheme: 'dark' }, true)
  await context.addInitScript('Object.defineProperty(Navigator.prototype, "clipboard", { value: undefined })')
  const page = await context.newPage()
  await page.goto(`${gateway.url}/studio/${ids.get('ready')}`)
  const address = page.locator('.copy').first()
  const text = (await address.locator('code').textContent()) ?? ''
  await address.getByRole('button', { name: 'Copy' }).click()
  await address.getByText('Copied').waitFor()
  const title = page.locator('input[name="title"]')
  await title.fill('')
  await title.press('ControlOrMeta+V')
  expect(await title.inputValue()).toBe(text)
  await address.getByRole('button', { name: 'Copy' }).waitFor()
  await page.evaluate('void (document.execCommand = () => false)')
  await address.getByRole('button', { name: 'Copy' }).click()
  await expect.poll(() => page.evaluate('getSelection().toString()')).toBe(text)
  expect(await address.getByText('Copied').count()).toBe(0)
})

it('platforms are added and removed without scripts; with them, the studio follows how they are doing', async () => {
  await using context = await openContext({ locale: 'en-GB', colorScheme: 'dark' }, true)
  const page = await context.newPage()
  await using plain = await browser.newContext({ javaScriptEnabled: false })
  await plain.addCookies(await context.cookies())
  const form = await plain.newPage()
  const show = { title: 'To others', visibility: 'unlisted' }
  const { stream_id: id, stream_key: key } = (await gateway.api('POST', '/api/v1/streams', show, owner.headers)).json
  const address = `${gateway.url}/studio/${id}`
  await form.goto(address)
  await form.getByLabel('Server of the platform').fill('https://live.example.com/app')
  await form.getByLabel('Stream key of the platform').fill('their-secret-key')
  await form.getByRole('button', { name: 'Add platform' }).click()
  await form.getByText('Enter the address of a public server').waitFor()
  expect(await form.content()).not.toContain('their-secret-key')
  await form.getByLabel('Server of the platform').fill('rtmp://live.example.com/app')
  await form.getByLabel('Stream key of the platform').fill('their-secret-key')
  await form.getByRole('button', { name: 'Add platform' }).click()
  await form.getByText('WAITING').waitFor()

  await page.goto(address)
  await page.getByText('Begins when your encoder sends.').waitFor()
  const { session } = await ingest.publish(key)
  const encoder = await claimBroadcast(gateway.url, id)
  const { json } = await encoder.report({ targets: [] })
  expect(json.targets).toMatchObject([{ push: { url: 'rtmp://live.example.com/app', key: 'their-secret-key' } }])
  const fine = {
    target_id: json.targets[0].target_id,
    problem: null,
    reason: null,
    bytes_sent: 9,
    bit_rate_kbps: 2500.4,
  }
  const reason = 'the platform refuses the stream key'
  for (const [target, badge, note] of [
    [{ ...fine, state: 'failed' as const, problem: 'key_refused', reason }, 'FAILED', `Reason: ${reason}.`],
    [{ ...fine, state: 'live' as const }, 'LIVE', 'Sends 2500 kbit/s.'],
  ] as const) {
    // Without reports of its ingest, the encoder would count as lost.
    await until(async () => {
      await ingest.report(id, [{ session }])
      await encoder.report({ targets: [target] })
      return page.getByText(note).isVisible()
    }, note)
    expect(await page.locator('[data-target-state]').textContent()).toBe(badge)
    expect(await findBarriers(page)).toEqual([])
  }

  await form.reload()
  const item = form.locator('[data-target]')
  await item.getByText('Remove', { exact: true }).click()
  await item.getByRole('button', { name: 'Remove it now' }).click()
  await form.locator('#targets').waitFor()
  expect(await item.count()).toBe(0)
  await page.locator('[data-target]').waitFor({ state: 'hidden' })
})

it('people talk in the chat of a broadcast, also across a lost connection, and its owner moderates it', async () => {
  const show = { title: 'With a chat', visibility: 'unlisted' }
  const { stream_id: id } = (await gateway.api('POST', '/api/v1/streams', show, owner.headers)).json
  const guest = await signUp(gateway.api, 'guest-of-anna')
  await using own = await openContext({ locale: 'en-GB', colorScheme: 'dark' }, true)
  await using other = await openAs(browser, gateway, guest, { locale: 'en-GB' })
  const [studio, page] = [await own.newPage(), await other.newPage()]
  await Promise.all([studio.goto(`${gateway.url}/studio/${id}`), page.goto(`${gateway.url}/watch/${id}`)])
  await page.getByText('No messages yet.').waitFor()
  const { lines } = watchPage(page)
  await page.getByLabel('Message', { exact: true }).fill('<b>Hello</b> & hi')
  await page.keyboard.press('Enter')
  const hello = studio.getByText('<b>Hello</b> & hi')
  await hello.waitFor()
  await studio.getByLabel('Message', { exact: true }).fill('Welcome!')
  await studio.keyboard.press('Enter')
  await page.getByText('Welcome!').waitFor()
  expect(await page.locator('[data-messages] li').allTextContents()).toEqual([
    expect.stringContaining('<b>Hello</b> & hi'),
    expect.stringMatching(/anna.*Owner.*Welcome!/),
  ])

  await other.setOffline(true)
  await gateway.api('POST', `/api/v1/streams/${id}/messages`, { text: 'While you were away' }, owner.headers)
  await other.setOffline(false)
  await page.getByText('While you were away').waitFor()

  await studio.getByLabel('Actions for the message of guest-of-anna').click()
  await studio.getByRole('button', { name: 'Pin', exact: true }).click()
  await page.locator('[data-pinned]').getByText('<b>Hello</b> & hi').waitFor()
  expect(await findBarriers(page)).toEqual([])
  await studio.getByLabel('Actions for the message of guest-of-anna').focus()
  await studio.keyboard.press('Enter')
  expect(await findBarriers(studio)).toEqual([])
  await studio.getByRole('button', { name: 'Ban', exact: true }).press('Enter')
  await page.locator('[data-messages]').getByText('<b>Hello</b> & hi').waitFor({ state: 'detached' })
  await page.getByLabel('Message', { exact: true }).fill('Am I here?')
  await page.getByRole('button', { name: 'Send' }).click()
  await page.getByText('A moderator does not let you write here.').waitFor()
  expect(await page.getByRole('button', { name: 'Send' }).getAttribute('aria-busy')).toBeNull()
  expect(await page.getByLabel('Message', { exact: true }).inputValue()).toBe('Am I here?')
  await gateway.api('PUT', `/api/v1/streams/${id}/end`, undefined, owner.headers)
  await page.getByText('The chat is closed').waitFor()
  expect(lines).toEqual([])
})
