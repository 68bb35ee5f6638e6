import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { startBrowser } from '../../../shared/testing/browser.ts'
import { until } from '../../../shared/testing/until.ts'
import { startMailServer, type MailServer } from '../../testing/mail-server.ts'
import { startTestGateway, type TestGateway } from '../../testing/test-gateway.ts'
import { findBarriers, isTooWide, watchPage } from './testing/inspect-page.ts'

const PASSWORD = 'a long passphrase'

let mailServer: MailServer
let gateway: TestGateway
let browser: Browser
beforeAll(async () => {
  mailServer = await startMailServer()
  const env = { INGEST_WORKERS: '0', MAIL_FROM: 'no-reply@live.example', SMTP_URL: mailServer.url }
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
  expect(await isTooWide(page)).toBe(false)
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
