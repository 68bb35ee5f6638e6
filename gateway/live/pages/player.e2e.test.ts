import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'

import { startBrowser } from '../../../shared/testing/browser.ts'
import { PATIENCE_MS } from '../../../shared/testing/until.ts'
import { createTemporaryFolder } from '../../demo/demo-gateway.ts'
import { startTestGateway, type TestGateway } from '../../testing/test-gateway.ts'
import { signUp, type TestUser } from '../testing/live-gateway.ts'
import { storeBroadcast } from '../testing/stored-broadcast.ts'

/** Of two seconds each. */
const SEGMENTS = 10
/** Longer than the last pictures of a broadcast play on after its end, in ms. */
const AFTER_END_MS = 25_000
/** The pause of a player between attempts, at least, in ms. */
const RETRY_MS = 2000
/** Segments after the first six seconds. */
const LATER_SEGMENTS = /\/[3-9]\.m4s/

let media: Awaited<ReturnType<typeof createTemporaryFolder>>
let gateway: TestGateway
let browser: Browser
let owner: TestUser
beforeAll(async () => {
  media = await createTemporaryFolder()
  const env = { STORAGE_DIR: media.path, RECONNECT_WINDOW: '1800s' }
  ;[gateway, browser] = await Promise.all([startTestGateway({ env }), startBrowser()])
  owner = await signUp(gateway.api, 'anna')
})
afterAll(async () => {
  await browser?.close()
  await gateway?.[Symbol.asyncDispose]()
  await media?.[Symbol.asyncDispose]()
})

const store = () =>
  storeBroadcast(gateway.database.sql, { mediaDir: media.path, ownerId: owner.user.user_id, segments: SEGMENTS })

async function openPage(): Promise<Page> {
  const context = await browser.newContext({ locale: 'en-GB' })
  context.setDefaultTimeout(PATIENCE_MS)
  return context.newPage()
}

const videoOf = (page: Page, action: string) => page.evaluate<number>(`document.querySelector('video')?.${action}`)
const positionOf = (page: Page) => videoOf(page, 'currentTime')

it('who is back in time when a broadcast ends is not interrupted, and neither is who watches it again', async () => {
  const id = await store()
  await gateway.database.sql`delete from archives where stream_id = ${id}`
  await gateway.database.sql`
    update streams set state = 'live', ended_at = null, closed_at = null, dvr_sec = 7200 where stream_id = ${id}`
  const page = await openPage()
  await page.clock.install()
  await page.goto(`${gateway.url}/watch/${id}`)
  await expect.poll(() => positionOf(page)).toBeGreaterThan(0)
  await page.evaluate('document.querySelector("video").pause()')
  await page.evaluate('document.querySelector("video").currentTime = 1')
  await gateway.api('PUT', `/api/v1/streams/${id}/end`, undefined, owner.headers)
  await page.locator('.badge-ended').waitFor()
  await page.clock.fastForward(AFTER_END_MS)
  expect(await page.locator('video').count()).toBe(1)

  await page.evaluate('document.querySelector("video").currentTime = document.querySelector("video").seekable.end(0)')
  await page.clock.fastForward(AFTER_END_MS)
  await page.getByRole('button', { name: 'Watch from the beginning' }).click()
  await expect.poll(() => positionOf(page)).toBeGreaterThan(0)
  await page.clock.fastForward(AFTER_END_MS)
  expect(await page.locator('video').count()).toBe(1)
})

it('a browser that cannot play says so, and goes on saying so', async () => {
  const id = await store()
  const page = await openPage()
  await page.addInitScript(`
    for (const name of ['MediaSource', 'ManagedMediaSource', 'WebKitMediaSource']) delete window[name]
    HTMLMediaElement.prototype.canPlayType = () => ''`)
  await page.goto(`${gateway.url}/watch/${id}`)
  await page.getByText('This browser cannot play the broadcast.').waitFor()
  expect(await page.locator('video').count()).toBe(0)
})

it('a film that stands still goes on where it was when one tries again', async () => {
  const id = await store()
  const page = await openPage()
  await page.clock.install()
  await page.route(LATER_SEGMENTS, (route) => route.abort())
  await page.goto(`${gateway.url}/watch/${id}`)
  await page.locator('video').waitFor()
  await page.evaluate('document.querySelector("video").play()')
  const again = page.getByRole('button', { name: 'Try again' })
  await expect
    .poll(async () => {
      await page.clock.fastForward(RETRY_MS)
      return again.isVisible()
    })
    .toBe(true)
  const stoodAt = await positionOf(page)
  expect(stoodAt).toBeGreaterThan(4)
  await page.unroute(LATER_SEGMENTS)
  await again.click()
  await expect.poll(() => videoOf(page, 'readyState')).toBeGreaterThan(2)
  expect(await positionOf(page)).toBeGreaterThanOrEqual(stoodAt - 1)
})
