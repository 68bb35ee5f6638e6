import { expect, it } from 'vitest'

import { startBrowser } from '../../../shared/testing/browser.ts'
import { PATIENCE_MS } from '../../../shared/testing/until.ts'
import { signUp } from '../testing/live-gateway.ts'
import { openAs } from './testing/pages-gateway.ts'
import { startTcpProxy } from '../../testing/tcp-proxy.ts'
import { startTestGateway } from '../../testing/test-gateway.ts'
import { startWholeSystem } from '../../testing/whole-system.ts'

/** A lost connection is to be seen within this time; the rest is the time that a busy machine takes to render. */
const SHOWN_WITHIN_MS = 5000 + 2000

it('a list shows within five seconds that its gateway is gone, and heals by itself', async () => {
  await using system = await startWholeSystem()
  await using browser = await startBrowser()
  const page = await browser.newPage({ locale: 'en-GB' })
  page.setDefaultTimeout(PATIENCE_MS)
  await page.goto(`${system.gateway().origin}/`)
  await page.getByRole('heading', { name: 'The stage is free' }).waitFor()
  const note = page.getByRole('alert').filter({ hasText: 'No connection' })
  expect(await note.isVisible()).toBe(false)
  await system.gateway()[Symbol.asyncDispose]()
  const gone = Date.now()
  await note.waitFor()
  expect(Date.now() - gone).toBeLessThan(SHOWN_WITHIN_MS)
  await system.startGateway()
  await note.waitFor({ state: 'hidden' })
})

it('a list follows while the focus is on a card of it, and the focus stays on that card; so does a picture that moves', async () => {
  await using gateway = await startTestGateway()
  const anna = await signUp(gateway.api, 'anna')
  const plan = async (title: string, inMs: number) => {
    const scheduled = new Date(Date.now() + inMs).toISOString()
    const body = { title, scheduled_for: scheduled }
    return (await gateway.api('POST', '/api/v1/streams', body, anna.headers)).json.stream_id
  }
  const id = await plan('First', 3_600_000)
  await using browser = await startBrowser()
  const page = await browser.newPage({ locale: 'en-GB' })
  page.setDefaultTimeout(PATIENCE_MS)
  await page.goto(`${gateway.url}/`)
  await page.getByRole('link', { name: 'First' }).focus()
  await page.evaluate(`document.querySelector('.card-picture').append(Object.assign(document.createElement('i'), { id: 'moving' }))
    document.getElementById('moving').dataset.moving = ''`)
  const focus = () =>
    page.evaluate<string>('document.activeElement.getAttribute("href") + document.activeElement.tabIndex')

  await gateway.api('PATCH', `/api/v1/streams/${id}`, { title: 'Second' }, anna.headers)
  await page.getByRole('link', { name: 'Second' }).waitFor()
  expect(await focus()).toBe(`./watch/${id}0`)
  expect(await page.locator('#moving').count()).toBe(1)
  await page.evaluate('document.getElementById("moving").remove()')

  await plan('Another', 7_200_000)
  await page.getByRole('link', { name: 'Another' }).waitFor()
  expect(await focus()).toBe(`./watch/${id}0`)
  await gateway.api('DELETE', `/api/v1/streams/${id}`, undefined, anna.headers)
  await page.getByRole('link', { name: 'Second' }).waitFor({ state: 'detached' })
  expect(await page.evaluate('document.activeElement.hasAttribute("data-refresh")')).toBe(true)
})

it('the bell of a page that watches a broadcast is up to date by the events of that, and reads by itself after its end', async () => {
  await using gateway = await startTestGateway()
  const { api } = gateway
  const [anna, ben] = [await signUp(api, 'anna'), await signUp(api, 'ben')]
  await api('POST', '/api/v1/follows', { user_id: anna.user.user_id }, ben.headers)
  const { json: show } = await api('POST', '/api/v1/streams', { title: 'Watched' }, anna.headers)
  const plan = (title: string) => {
    const scheduled = new Date(Date.now() + 3_600_000).toISOString()
    return api('POST', '/api/v1/streams', { title, scheduled_for: scheduled }, anna.headers)
  }
  await using browser = await startBrowser()
  await using context = await openAs(browser, gateway, ben, { locale: 'en-GB' })
  context.setDefaultTimeout(PATIENCE_MS)
  const page = await context.newPage()
  await page.goto(`${gateway.url}/watch/${show.stream_id}`)
  await page.locator('.bell[data-every="60"]').waitFor()
  await plan('First')
  await page.getByTitle('Notices, 1 unread').waitFor()
  await api('PUT', `/api/v1/streams/${show.stream_id}/end`, undefined, anna.headers)
  await page.locator('.bell[data-every="2"]').waitFor()
  await plan('Second')
  await page.getByTitle('Notices, 2 unread').waitFor()
})

it('a page whose session has ended elsewhere says so and keeps its bell; the studio shows no old values', async () => {
  await using gateway = await startTestGateway()
  const anna = await signUp(gateway.api, 'anna')
  const { json: show } = await gateway.api('POST', '/api/v1/streams', { title: 'Mine' }, anna.headers)
  await using browser = await startBrowser()
  await using context = await openAs(browser, gateway, anna, { locale: 'en-GB' })
  context.setDefaultTimeout(PATIENCE_MS)
  const page = await context.newPage()
  await page.goto(`${gateway.url}/studio/${show.stream_id}`)
  await page.locator('.bell[data-every="60"]').waitFor()
  await gateway.api('POST', '/api/v1/auth/logout-all', undefined, anna.headers)
  const note = page.getByRole('alert').filter({ hasText: 'You are signed out.' })
  await note.waitFor()
  expect(await page.locator('.bell form, .bell h1').count()).toBe(0)
  expect(await page.locator('[data-health]').isVisible()).toBe(false)
  await note.getByRole('link', { name: 'Sign in' }).click()
  await page.waitForURL(`**/sign-in?next=${encodeURIComponent(`studio/${show.stream_id}`)}`)
})

it('a watch page shows what its owner changes, and the start and the end of its broadcast', async () => {
  await using gateway = await startTestGateway()
  const anna = await signUp(gateway.api, 'anna')
  const { json: show } = await gateway.api('POST', '/api/v1/streams', { title: 'As it is' }, anna.headers)
  const change = (body: object) => gateway.api('PATCH', `/api/v1/streams/${show.stream_id}`, body, anna.headers)
  await using browser = await startBrowser()
  const page = await browser.newPage({ locale: 'en-GB', timezoneId: 'Asia/Tokyo' })
  page.setDefaultTimeout(PATIENCE_MS)
  await page.goto(`${gateway.url}/watch/${show.stream_id}`)
  const about = page.getByRole('region', { name: 'About' })
  await change({ description: 'A <b>new</b> one', category: 'Music', tags: ['one & two'], visibility: 'unlisted' })
  await about.getByText('A <b>new</b> one').waitFor()
  await about.getByText('Music').waitFor()
  expect(await about.getByRole('link', { name: 'one & two' }).getAttribute('href')).toBe('../?q=one%20%26%20two')
  await page.locator('.watch-marks .mark').getByText('Unlisted').waitFor()
  await change({ scheduled_for: '2030-01-01T10:00:00.000Z', description: '' })
  await about.getByText(/2030.*(?:JST|GMT\+9)/).waitFor()
  await page.getByText(/Starts in/).waitFor()
  await about.getByText('A <b>new</b> one').waitFor({ state: 'hidden' })
  await gateway.api('PUT', `/api/v1/streams/${show.stream_id}/end`, undefined, anna.headers)
  await about.getByText('Ended', { exact: true }).waitFor()
})

it('the studio of a broadcast that ends elsewhere shows its end, and keeps what is being written', async () => {
  await using gateway = await startTestGateway()
  const anna = await signUp(gateway.api, 'anna')
  const { json: show } = await gateway.api('POST', '/api/v1/streams', { title: 'Mine' }, anna.headers)
  await using browser = await startBrowser()
  await using context = await openAs(browser, gateway, anna, { locale: 'en-GB' })
  context.setDefaultTimeout(PATIENCE_MS)
  const page = await context.newPage()
  await page.goto(`${gateway.url}/studio/${show.stream_id}`)
  await page.locator('.bell[data-every="60"]').waitFor()
  await page.getByText('The curve appears after two minutes on the air.').waitFor()
  await page.getByLabel('Description').fill('What it was about')
  await gateway.api('PUT', `/api/v1/streams/${show.stream_id}/end`, undefined, anna.headers)
  await page.getByText('This broadcast has ended.').waitFor()
  await page.getByText('Connect your encoder').waitFor({ state: 'detached' })
  await page.getByText('End broadcast').waitFor({ state: 'detached' })
  expect(await page.locator('[data-health]').count()).toBe(0)
  expect(await page.getByLabel('Description').inputValue()).toBe('What it was about')
})

it('a broadcast that is not open to its viewer any more says so, and is not tried again', async () => {
  await using gateway = await startTestGateway()
  const anna = await signUp(gateway.api, 'anna')
  const { json: show } = await gateway.api('POST', '/api/v1/streams', { title: 'For all' }, anna.headers)
  await using browser = await startBrowser()
  const page = await browser.newPage({ locale: 'en-GB' })
  page.setDefaultTimeout(PATIENCE_MS)
  await page.goto(`${gateway.url}/watch/${show.stream_id}`)
  await page.locator('[data-connection="open"]').waitFor()
  await gateway.api('PATCH', `/api/v1/streams/${show.stream_id}`, { visibility: 'private' }, anna.headers)
  await page.getByText('This broadcast is not open to you any more').waitFor()
  await page.getByText('This broadcast may not be watched any more.').waitFor()
  await page.getByRole('alert').filter({ hasText: 'No connection' }).waitFor({ state: 'hidden' })
})

it('a watch page shows within five seconds that nothing comes any more, and heals by itself', async () => {
  await using gateway = await startTestGateway()
  const anna = await signUp(gateway.api, 'anna')
  const { json: show } = await gateway.api('POST', '/api/v1/streams', { title: 'Far away' }, anna.headers)
  await using proxy = await startTcpProxy(() => Number(new URL(gateway.url).port))
  await using browser = await startBrowser()
  const page = await browser.newPage({ locale: 'en-GB' })
  page.setDefaultTimeout(PATIENCE_MS)
  const pinged = page.waitForResponse(/\/events\?/)
  await page.goto(`http://127.0.0.1:${proxy.port}/watch/${show.stream_id}`)
  await page.locator('[data-connection="open"]').waitFor()
  await pinged
  proxy.swallow()
  const gone = Date.now()
  // The chat looks up its broadcast where its socket has failed twice. That request is never answered either.
  const lookedUp = page.waitForRequest(`**/api/v1/streams/${show.stream_id}`)
  const note = page.getByRole('alert').filter({ hasText: 'No connection' })
  await note.waitFor()
  expect(Date.now() - gone).toBeLessThan(SHOWN_WITHIN_MS)
  await page.locator('[data-connection="lost"]').waitFor()
  await lookedUp
  proxy.restore()
  await note.waitFor({ state: 'hidden' })
  await page.locator('[data-connection="open"]').waitFor()
})

it('moderators see new reports and users by themselves, and neither while they write in a box nor while it is open', async () => {
  await using gateway = await startTestGateway()
  const admin = await signUp(gateway.api, 'the-admin')
  const { json: show } = await gateway.api('POST', '/api/v1/streams', { title: 'First show' }, admin.headers)
  const anna = await signUp(gateway.api, 'anna')
  const report = (id: string) =>
    gateway.api('POST', '/api/v1/reports', { kind: 'stream', id, reason: 'Not suitable' }, anna.headers)
  await using browser = await startBrowser()
  await using context = await openAs(browser, gateway, admin, { locale: 'en-GB' })
  context.setDefaultTimeout(PATIENCE_MS)
  const page = await context.newPage()
  await page.goto(`${gateway.url}/admin/reports`)
  await page.getByText('Nothing is reported').waitFor()
  await report(show.stream_id)
  await page.getByRole('link', { name: 'First show' }).waitFor()

  await page.goto(`${gateway.url}/admin/users`)
  await page.getByText('Suspend', { exact: true }).first().click()
  const reason = page.getByLabel(/Reason/)
  await reason.fill('Insults')
  await page.getByRole('heading', { name: 'Moderation' }).click()
  const read = () => page.waitForResponse(/users\?part=list/)
  await signUp(gateway.api, 'ben')
  for (const _read of [1, 2]) await read()
  expect(await reason.inputValue()).toBe('Insults')
  expect(await page.getByRole('link', { name: 'ben', exact: true }).count()).toBe(0)
  await reason.fill('')
  await page.keyboard.press('Escape')
  await page.getByRole('link', { name: 'ben', exact: true }).waitFor()

  const role = page.getByLabel('Role of ben')
  await role.selectOption('moderator')
  await page.getByRole('heading', { name: 'Moderation' }).click()
  await signUp(gateway.api, 'carl')
  for (const _read of [1, 2]) await read()
  expect(await role.inputValue()).toBe('moderator')
  await role.selectOption('user')
  await page.getByRole('heading', { name: 'Moderation' }).click()
  await page.getByRole('link', { name: 'carl', exact: true }).waitFor()
})

it('followers are counted on the page of a broadcast and of its channel, also after the broadcast has ended', async () => {
  await using gateway = await startTestGateway()
  const anna = await signUp(gateway.api, 'anna')
  const { json: show } = await gateway.api('POST', '/api/v1/streams', { title: 'A show' }, anna.headers)
  const follow = async (name: string) => {
    const { headers } = await signUp(gateway.api, name)
    await gateway.api('POST', '/api/v1/follows', { user_id: anna.user.user_id }, headers)
  }
  await using browser = await startBrowser()
  await using context = await browser.newContext({ locale: 'en-GB' })
  context.setDefaultTimeout(PATIENCE_MS)
  const [watch, channel] = [await context.newPage(), await context.newPage()]
  await watch.goto(`${gateway.url}/watch/${show.stream_id}`)
  await channel.goto(`${gateway.url}/@anna`)
  // Its events say how many follow, so that the page is read seldom.
  await watch.locator('[data-refresher][data-every="60"]').waitFor({ state: 'attached' })
  await follow('ben')
  await watch.getByText('1 follower', { exact: true }).waitFor()
  await channel.getByText('1 follower', { exact: true }).waitFor()
  await gateway.api('PUT', `/api/v1/streams/${show.stream_id}/end`, undefined, anna.headers)
  await watch.locator('[data-refresher][data-every="2"]').waitFor({ state: 'attached' })
  await follow('carl')
  await watch.getByText('2 followers').waitFor()
  await gateway.api('PATCH', `/api/v1/streams/${show.stream_id}`, { title: 'Renamed' }, anna.headers)
  await watch.getByRole('heading', { name: 'Renamed' }).waitFor()
  expect(await watch.locator('[data-connection="lost"]').count()).toBe(0)
})

it('the settings show where else the user signs in, and keep what is being written', async () => {
  await using gateway = await startTestGateway()
  const anna = await signUp(gateway.api, 'anna')
  await using browser = await startBrowser()
  await using context = await openAs(browser, gateway, anna, { locale: 'en-GB' })
  context.setDefaultTimeout(PATIENCE_MS)
  const page = await context.newPage()
  await page.goto(`${gateway.url}/settings`)
  const sessions = page.locator('#sessions li')
  expect(await sessions.count()).toBe(1)
  await page.getByLabel('Name of a user').fill('be')
  await gateway.api('POST', '/api/v1/auth/login', { login: 'anna', password: 'correct horse battery' })
  await expect.poll(() => sessions.count()).toBe(2)
  expect(await page.getByLabel('Name of a user').inputValue()).toBe('be')
})

it('the language of a page with a new stream key changes without losing the key', async () => {
  await using gateway = await startTestGateway()
  const anna = await signUp(gateway.api, 'anna')
  await using browser = await startBrowser()
  await using context = await openAs(browser, gateway, anna, { locale: 'en-GB' })
  context.setDefaultTimeout(PATIENCE_MS)
  const page = await context.newPage()
  const addresses: string[] = []
  page.on('request', (request) => addresses.push(request.url()))
  await page.goto(`${gateway.url}/studio/new`)
  await page.getByLabel('Title').fill('With a key')
  await page.getByRole('button', { name: 'Create broadcast' }).click()
  const key = page.getByText(/^sk-[0-9a-f]{32}$/)
  const first = (await key.textContent()) ?? ''
  await page.getByRole('button', { name: '日本語' }).click()
  await page.locator('html[lang="ja"]').waitFor()
  expect(await key.textContent()).toBe(first)
  expect(addresses.filter((address) => address.includes(first))).toEqual([])
  expect(page.url()).not.toContain('lang=')
  expect(await page.evaluate('JSON.stringify([localStorage, sessionStorage, history.state])')).toBe('[{},{},null]')
})
