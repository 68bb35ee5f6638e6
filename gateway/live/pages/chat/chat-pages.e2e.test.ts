import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'

import { newUuid } from '../../../../shared/ids.ts'
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

it('the end of a ban is in the zone of the reader, with its name: to the moderator, and to the one who may write after it', async () => {
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
  await page.clock.install()
  await page.goto(`${gateway.url}/watch/${show.stream_id}`)
  const note = page.getByText(/モデレーターにより、.* JSTまでコメントできません。/)
  await note.waitFor()
  await page.locator('[data-connection="open"]').waitFor()
  const field = page.getByLabel('メッセージ', { exact: true }).and(page.locator('input'))
  expect(await field.isVisible()).toBe(false)
  await page.clock.fastForward(ban.duration_sec * 1000 + 2000)
  await field.waitFor()
  expect(await note.isVisible()).toBe(false)
})

it('kept messages are deleted and reported on the page of a recording', async () => {
  const { gateway, guest, ids } = pages
  const [streamId = '', archiveId = ''] = [ids.get('ended'), ids.get('archive')]
  const { sql } = gateway.database
  await sql`insert into chat_rooms (stream_id, last_seq) values (${streamId}, 2)`
  for (const [index, text] of ['Rude words', 'Kind words'].entries()) {
    await sql`
      insert into chat_entries (stream_id, seq, entry_id, kind, user_id, role, text, created_at)
      values (${streamId}, ${index + 1}, ${newUuid()}, 'message', ${guest.user.user_id}, 'viewer', ${text},
        (select min(program_date_time) from stream_segments where stream_id = ${streamId}))`
  }
  const page = await openPage(`archives/${archiveId}`, { locale: 'en-GB' })
  const rude = page.locator('[data-messages] li').filter({ hasText: 'Rude words' })
  await rude.getByLabel('Actions for the message of mika').click()
  expect(await rude.getByRole('button', { name: 'Pin' }).count()).toBe(0)
  await rude.getByRole('button', { name: 'Delete' }).click()
  await rude.waitFor({ state: 'detached' })
  expect(await page.evaluate('document.activeElement.closest("li")?.textContent')).toContain('Kind words')
  const { json } = await gateway.api('GET', `/api/v1/archives/${archiveId}/messages?from=0`)
  expect(json.messages).toMatchObject([{ text: 'Kind words' }])

  const context = await openAs(browser, gateway, await signUp(gateway.api, 'a-reader'), { locale: 'en-GB' })
  const reader = await context.newPage()
  await reader.goto(`${gateway.url}/watch/${streamId}`)
  const kind = reader.locator('[data-messages] li').filter({ hasText: 'Kind words' })
  await kind.getByLabel('Actions for the message of mika').click()
  expect(await kind.getByRole('button', { name: 'Delete' }).count()).toBe(0)
  await kind.getByRole('button', { name: 'Report' }).click()
  await reader.getByText('The message is reported to the moderators.').waitFor()
})

it('a message whose answer is lost is sent again by its writer, and is in the chat once', async () => {
  const { gateway, owner } = pages
  const { json: show } = await gateway.api('POST', '/api/v1/streams', { title: 'With a bad line' }, owner.headers)
  const context = await openAs(browser, gateway, owner, { locale: 'en-GB' })
  context.setDefaultTimeout(PATIENCE_MS)
  const page = await context.newPage()
  let losesAnswers = true
  await page.routeWebSocket(/\/chat\?/, (socket) => {
    const server = socket.connectToServer()
    server.onMessage((frame) => losesAnswers || socket.send(frame))
  })
  await page.goto(`${gateway.url}/watch/${show.stream_id}`)
  // Before its socket is open, a chat posts what is written.
  await page.locator('[data-connection="open"]').waitFor()
  const field = page.getByLabel('Message', { exact: true })
  await field.fill('Hello once')
  await field.press('Enter')
  await page.getByText('The message could not be sent. Try again.').waitFor()
  expect(await field.inputValue()).toBe('Hello once')
  losesAnswers = false
  await field.press('Enter')
  await expect.poll(() => field.inputValue()).toBe('')
  const sent = 'Hello twice'
  await field.fill(sent)
  await field.press('Enter')
  await page.locator('[data-messages]').getByText(sent).waitFor()
  const { json } = await gateway.api('GET', `/api/v1/streams/${show.stream_id}/messages`)
  expect(json.messages.map(({ text }: { text: string }) => text)).toEqual(['Hello once', sent])
})
