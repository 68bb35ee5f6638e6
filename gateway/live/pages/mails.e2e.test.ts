import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { startBrowser } from '../../../shared/testing/browser.ts'
import { until } from '../../../shared/testing/until.ts'
import { startMailServer, type MailServer } from '../../testing/mail-server.ts'
import { startTestGateway, type TestGateway } from '../../testing/test-gateway.ts'
import { makeUnsubscribeQuery } from '../notices/email/unsubscribe.ts'
import { findBarriers, isTooWide, watchPage } from './testing/inspect-page.ts'

const PASSWORD = 'a long passphrase'
const PUSH = { VAPID_SUBJECT: 'mailto:admin@live.example' }

let mailServer: MailServer
let gateway: TestGateway
let browser: Browser
beforeAll(async () => {
  mailServer = await startMailServer()
  const env = { INGEST_WORKERS: '0', MAIL_FROM: 'no-reply@live.example', SMTP_URL: mailServer.url, ...PUSH }
  ;[gateway, browser] = await Promise.all([startTestGateway({ env }), startBrowser()])
})
afterAll(async () => {
  await browser.close()
  await gateway[Symbol.asyncDispose]()
  await mailServer[Symbol.asyncDispose]()
})

/** Returns the path and query of the link in the newest of `count` mails. */
async function linkIn(count: number): Promise<string> {
  await until(() => mailServer.mails.length >= count, `${count} mails`)
  return /^http.*\/([^/\n]+)$/m.exec(mailServer.mails.at(-1)?.text ?? '')?.[1] ?? ''
}

/** Checks a page for barriers, and for what its policy forbids. */
async function expectFine(page: Page): Promise<void> {
  expect(await findBarriers(page)).toEqual([])
  await page.setViewportSize({ width: 360, height: 740 })
  await expect.poll(() => isTooWide(page)).toBe(false)
}

describe('without scripts', () => {
  it('an address is verified, and a forgotten password is set anew', async () => {
    await using context = await browser.newContext({ javaScriptEnabled: false })
    const page = await context.newPage()
    await page.goto(`${gateway.url}/register?next=settings`)
    await page.getByLabel('Username').fill('forgetful')
    await page.getByLabel('E-mail address').fill('forgetful@example.org')
    await page.getByLabel('Password').fill(PASSWORD)
    await page.getByRole('button', { name: 'Create account' }).click()
    await page.getByText('Your e-mail address is not confirmed.').waitFor()
    await page.getByRole('button', { name: 'Send the link again' }).click()
    await page.getByText('A mail with a link is on its way.').waitFor()
    await page.goto(`${gateway.url}/${await linkIn(2)}`)
    // Another language keeps the link.
    await page.getByRole('link', { name: '日本語' }).click()
    await page.getByRole('link', { name: 'English' }).click()
    await page.getByRole('button', { name: 'Confirm' }).click()
    await page.getByText('Your e-mail address is confirmed.').waitFor()
    await page.goto(`${gateway.url}/settings`)
    await page.getByText('Your e-mail address is confirmed.').waitFor()
    await page.getByRole('button', { name: 'Sign out', exact: true }).click()

    await page.getByRole('link', { name: 'Forgot your password?' }).click()
    await page.getByLabel('E-mail address').fill('no address')
    await page.getByRole('button', { name: 'Send the link' }).click()
    await page.getByText('This is no e-mail address.').waitFor()
    await page.getByLabel('E-mail address').fill('forgetful@example.org')
    await page.getByRole('button', { name: 'Send the link' }).click()
    await page.getByText('If an account has this address, a mail is on its way.').waitFor()
    const link = await linkIn(3)
    await page.goto(`${gateway.url}/${link}`)
    await page.getByLabel('Password').fill('short')
    await page.getByRole('button', { name: 'Change password' }).click()
    await page.getByText('Use 10 to 200 characters.').waitFor()
    await page.getByLabel('Password').fill('another long passphrase')
    await page.getByRole('button', { name: 'Change password' }).click()
    await page.getByText('Your password is changed.').waitFor()
    await page.getByLabel('Username or e-mail').fill('forgetful')
    await page.getByLabel('Password').fill('another long passphrase')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('link', { name: 'Your channel' }).waitFor()
    await page.goto(`${gateway.url}/${link}`)
    await page.getByLabel('Password').fill('another long passphrase')
    await page.getByRole('button', { name: 'Change password' }).click()
    await page.getByText('This link does not work any more').waitFor()
  })
})

describe.each([
  { locale: 'en-GB', colorScheme: 'dark' as const },
  { locale: 'ja-JP', colorScheme: 'light' as const },
])('in $locale on a $colorScheme ground', (look) => {
  it('the pages have no barrier, and keep their policy', async () => {
    const { json } = await gateway.api('POST', '/api/v1/auth/register', {
      username: `viewer-${look.colorScheme}`,
      email: `viewer-${look.colorScheme}@example.org`,
      password: PASSWORD,
    })
    const login = await gateway.api('POST', '/api/v1/auth/login', { login: json.username, password: PASSWORD })
    await using context = await browser.newContext(look)
    const page = await context.newPage()
    const { lines, origins } = watchPage(page)
    for (const path of [
      'forgot',
      'forgot?sent',
      'reset?token=0',
      'sign-in?reset',
      'verify-email?token=0',
      'verify-email?done',
      `unsubscribe?${makeUnsubscribeQuery(gateway.gateway.context.settings, json.user_id, json.user_id)}`,
      'unsubscribe',
    ]) {
      await page.goto(`${gateway.url}/${path}`)
      await expectFine(page)
    }
    await page.goto(`${gateway.url}/verify-email?token=0`)
    await page.locator('main button').click()
    await page.locator('.message-page').waitFor()
    await expectFine(page)
    await context.addCookies([{ name: 'tallylight_session', value: login.json.token, url: gateway.url }])
    await page.goto(`${gateway.url}/settings?saved=verify`)
    await expectFine(page)
    expect(lines).toEqual([])
    expect([...origins]).toEqual([gateway.url])
  })
})

it('where no e-mail is sent, there is no such page, and nothing leads to it', async () => {
  await using off = await startTestGateway({ env: { INGEST_WORKERS: '0' } })
  const pages = await Promise.all(
    ['forgot', 'reset', 'verify-email'].map((path) =>
      fetch(`${off.url}/${path}`, { headers: { accept: 'text/html' } }),
    ),
  )
  expect(pages.map(({ status }) => status)).toEqual([404, 404, 404])
  expect(await (await fetch(`${off.url}/sign-in`)).text()).not.toContain('forgot')
})

/** Opens the settings as a new user. */
async function openSettings(page: Page, username: string): Promise<void> {
  await page.goto(`${gateway.url}/register?next=settings`)
  await page.getByLabel('Username').fill(username)
  await page.getByLabel('E-mail address').fill(`${username}@example.org`)
  await page.getByLabel('Password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Create account' }).click()
  await page.waitForURL(`${gateway.url}/settings`)
}

/**
 * Plays the push service of a browser, which is out of reach: the subscription is kept in the page's storage, and has keys of
 * a real browser.
 */
const PUSH_SERVICE = `
  const keys = { p256dh: 'BBtqzp38RRIyVP8tTC9YwWCCIX9uyFQERFtbM77Cj_y3DwKvVZu084yc5WSdudrpgh6-xmQomuxb2fJzxh290F0', auth: 'A'.repeat(22) }
  const subscription = {
    toJSON: () => ({ endpoint: 'https://push.example.com/' + localStorage.getItem('endpoint'), expirationTime: null, keys }),
    unsubscribe: async () => localStorage.removeItem('endpoint'),
  }
  PushManager.prototype.subscribe = async ({ applicationServerKey }) => {
    if (!/^B[\\w-]{86}$/.test(applicationServerKey)) throw new Error('this is no key')
    localStorage.setItem('endpoint', Math.random())
    return subscription
  }
  PushManager.prototype.getSubscription = async () => localStorage.getItem('endpoint') === null ? null : subscription
`

/**
 * Ends the subscription of a browser as its push service does, in its service worker, while the gateway cannot be reached at
 * first. The worker gets another subscription under this address, and says whether it has ended that.
 */
const endSubscription = (endpoint: string) => `{
  PushManager.prototype.subscribe = async ({ applicationServerKey }) => {
    if (!/^B[\\w-]{86}$/.test(applicationServerKey)) throw new Error('this is no key')
    const keys = { p256dh: 'BBtqzp38RRIyVP8tTC9YwWCCIX9uyFQERFtbM77Cj_y3DwKvVZu084yc5WSdudrpgh6-xmQomuxb2fJzxh290F0', auth: 'B'.repeat(22) }
    return { toJSON: () => ({ endpoint: '${endpoint}', keys }), unsubscribe: async () => (self.hasUnsubscribed = true) }
  }
  const reach = self.fetch
  self.fetch = async () => {
    self.fetch = reach
    throw new TypeError('no network')
  }
  self.hasUnsubscribed = false
  dispatchEvent(new (self.PushSubscriptionChangeEvent ?? ExtendableEvent)('pushsubscriptionchange'))
}`

describe('pushes', () => {
  const browsers = () => gateway.database.sql`select endpoint, language from push_subscriptions`

  it('are turned on and off in a browser by its user only, and a push is shown and opens its broadcast', async () => {
    await using context = await browser.newContext({ permissions: ['notifications'] })
    await context.addInitScript(PUSH_SERVICE)
    const page = await context.newPage()
    const { lines } = watchPage(page)
    await openSettings(page, 'pushed')
    const [turnOn, turnOff] = [/^Turn on push/, /^Turn off push/].map((name) => page.getByRole('button', { name }))
    await page.getByText('Push is off in this browser.').waitFor()
    await turnOn?.click()
    await page.getByText('Push is on in this browser').waitFor()
    expect(await browsers()).toMatchObject([{ language: 'en' }])
    expect(await findBarriers(page)).toEqual([])
    // What the gateway has lost is added again.
    await gateway.database.sql`delete from push_subscriptions`
    await page.reload()
    await page.getByText('Push is on in this browser').waitFor()
    expect(await browsers()).toHaveLength(1)

    const cdp = await context.newCDPSession(page)
    const registered = new Promise<string>((resolve) => {
      cdp.on('ServiceWorker.workerRegistrationUpdated', ({ registrations: [registration] }) => {
        if (registration !== undefined) resolve(registration.registrationId)
      })
    })
    await cdp.send('ServiceWorker.enable')
    const content = { title: 'anna is live', body: 'A show', tag: 'one', language: 'en', path: 'watch/one' }
    const other = { ...content, tag: 'two', path: 'watch/two' }
    // A gateway that dies before it has the answer leaves a push to another one, which sends it again.
    for (const sent of [content, content, other]) {
      await cdp.send('ServiceWorker.deliverPushMessage', {
        origin: gateway.url,
        registrationId: await registered,
        data: JSON.stringify(sent),
      })
    }
    const shown = () =>
      page.evaluate<unknown>(`navigator.serviceWorker.ready
        .then((registration) => registration.getNotifications())
        .then((all) => all.map(({ title, body, tag, lang, data }) => ({ title, body, tag, lang, data })))`)
    const [one, two] = [content, other].map(({ language, path, ...visible }) => ({
      ...visible,
      lang: language,
      data: path,
    }))
    await expect.poll(shown).toEqual([one, two])
    const [worker] = context.serviceWorkers()
    // A click that no person made may open no window.
    const opened =
      await worker?.evaluate<string>(`registration.getNotifications().then(([notification]) => new Promise((resolve) => {
      self.clients.openWindow = resolve
      dispatchEvent(new NotificationEvent('notificationclick', { notification }))
    }))`)
    expect(opened).toBe(`${gateway.url}/watch/one`)
    expect(await shown()).toEqual([two])

    const fresh = 'https://push.example.com/another'
    const [{ id: before } = {}] = await gateway.database.sql`select subscription_id as id from push_subscriptions`
    await worker?.evaluate(endSubscription(fresh))
    const known = () => gateway.database.sql`select subscription_id as id, endpoint from push_subscriptions`
    await expect.poll(known).toEqual([{ id: before, endpoint: fresh }])
    await turnOff?.click()
    await page.getByText('Push is off in this browser.').waitFor()
    expect(await browsers()).toEqual([])
    await turnOn?.click()
    await page.getByText('Push is on in this browser').waitFor()
    await page.getByRole('button', { name: 'Sign out', exact: true }).click()
    await page.getByText('You are signed out.').waitFor()
    expect(await browsers()).toEqual([])
    await openSettings(page, 'another')
    // The subscription was that of the other user.
    await worker?.evaluate(endSubscription(fresh))
    await expect.poll(() => worker?.evaluate('self.hasUnsubscribed')).toBe(true)
    await page.getByText('Push is off in this browser.').waitFor()
    await expect.poll(() => turnOn?.isEnabled()).toBe(true)
    expect([await browsers(), lines]).toEqual([[], []])
  })

  it('say where a browser has none, and where notifications are forbidden', async () => {
    for (const [script, text] of [
      ['delete window.PushManager', 'This browser has no push.'],
      ["Object.defineProperty(Notification, 'permission', { value: 'denied' })", 'does not let this site show'],
    ] as const) {
      await using context = await browser.newContext()
      await context.addInitScript(script)
      const page = await context.newPage()
      await openSettings(page, `nothing-${script.length}`)
      await page.getByText(text).waitFor()
      expect(await page.getByRole('button', { name: /^Turn on push/ }).isVisible()).toBe(false)
      await expectFine(page)
    }
  })
})

it('mails about notices end on a page without scripts', async () => {
  const { json: user } = await gateway.api('POST', '/api/v1/auth/register', {
    username: 'receiver',
    email: 'receiver@example.org',
    password: PASSWORD,
  })
  const query = makeUnsubscribeQuery(gateway.gateway.context.settings, user.user_id, user.user_id)
  await using context = await browser.newContext({ javaScriptEnabled: false })
  const page = await context.newPage()
  await page.goto(`${gateway.url}/unsubscribe?${query}`)
  await page.getByRole('link', { name: '日本語' }).click()
  await page.getByRole('link', { name: 'English' }).click()
  await page.getByRole('button', { name: 'No more mails about any broadcast' }).click()
  await page.getByText('You get no more mails about broadcasts.').waitFor()
  await page.goto(`${gateway.url}/unsubscribe?${query.slice(0, -1)}`)
  await page.getByRole('heading', { name: 'This link is not complete' }).waitFor()
})
