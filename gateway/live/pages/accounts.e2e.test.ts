import type { IncomingMessage } from 'node:http'
import { connect, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'

import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { startBrowser } from '../../../shared/testing/browser.ts'
import { startLocalServer } from '../../../shared/testing/local-server.ts'
import { startTestGateway, type TestGateway } from '../../testing/test-gateway.ts'
import { watchPage } from './testing/inspect-page.ts'

const PASSWORD = 'a long passphrase'

let gateway: TestGateway
let browser: Browser
beforeAll(async () => {
  ;[gateway, browser] = await Promise.all([startTestGateway({ env: { INGEST_WORKERS: '0' } }), startBrowser()])
  await gateway.api('POST', '/api/v1/auth/register', accountOf('first-admin'))
})
afterAll(async () => {
  await browser.close()
  await gateway[Symbol.asyncDispose]()
})

function accountOf(username: string) {
  return { username, email: `${username}@example.org`, password: PASSWORD }
}

async function fillIn(page: Page, { username, email, password }: ReturnType<typeof accountOf>): Promise<void> {
  await page.getByLabel('Username').fill(username)
  await page.getByLabel('E-mail address').fill(email)
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Create account' }).click()
}

/** Opens a page in a context of its own, signed in as a new user. */
async function openAs(username: string, path: string): Promise<Page> {
  const page = await browser.newPage()
  await page.goto(`${gateway.url}/register?next=${path}`)
  await fillIn(page, accountOf(username))
  await page.waitForURL(`${gateway.url}/${path}`)
  return page
}

describe('registration and sign-in', () => {
  it('work by the keyboard alone', async () => {
    await using context = await browser.newContext()
    const page = await context.newPage()
    const { keyboard } = page
    await page.goto(`${gateway.url}/register`)
    for (const text of ['keyboard-user', 'keyboard-user@example.org', PASSWORD]) {
      await keyboard.type(text)
      await keyboard.press('Tab')
    }
    await keyboard.press('Enter')
    await page.waitForURL(`${gateway.url}/`)
    await page.getByRole('button', { name: 'Sign out' }).focus()
    await keyboard.press('Enter')
    await page.getByText('You are signed out.').waitFor()
    await keyboard.type('keyboard-user')
    await keyboard.press('Tab')
    await keyboard.type(PASSWORD)
    await keyboard.press('Enter')
    await page.getByRole('link', { name: 'Your channel' }).waitFor()
  })

  it('work without scripts', async () => {
    await using context = await browser.newContext({ javaScriptEnabled: false })
    const page = await context.newPage()
    await page.goto(`${gateway.url}/register?next=settings`)
    await fillIn(page, accountOf('without-scripts'))
    await page.getByRole('heading', { name: 'Settings' }).waitFor()
    await page.getByRole('button', { name: 'Sign out', exact: true }).click()
    await page.getByLabel('Username or e-mail').fill('WITHOUT-scripts@example.org')
    await page.getByLabel('Password').fill(PASSWORD)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('link', { name: 'Your channel' }).waitFor()
  })

  it('send a form once where its button is clicked twice', async () => {
    await using context = await browser.newContext()
    const page = await context.newPage()
    await page.goto(`${gateway.url}/register?next=settings`)
    const { username, email, password } = accountOf('double-click')
    for (const [label, value] of Object.entries({ Username: username, 'E-mail address': email, Password: password })) {
      await page.getByLabel(label).fill(value)
    }
    let sent = 0
    page.on('request', (request) => {
      if (request.method() === 'POST') sent++
    })
    await page.getByRole('button', { name: 'Create account' }).dblclick()
    await page.getByRole('heading', { name: 'Settings' }).waitFor()
    expect(sent).toBe(1)
  })

  it('say at the field what is wrong, keep what was filled in, and put the cursor there', async () => {
    await using context = await browser.newContext()
    const page = await context.newPage()
    await page.goto(`${gateway.url}/register`)
    await fillIn(page, { username: 'First-Admin', email: 'no-address', password: 'short' })
    expect(await page.getByLabel('E-mail address').getAttribute('aria-invalid')).toBe('true')
    expect(await page.getByLabel('Username').inputValue()).toBe('First-Admin')
    await fillIn(page, accountOf('First-Admin'))
    await page.getByText('This name is taken.').waitFor()
    expect(await page.evaluate('document.activeElement.name')).toBe('username')
    await page.goto(`${gateway.url}/sign-in`)
    await page.getByLabel('Username or e-mail').fill('first-admin')
    await page.getByLabel('Password').fill('a wrong passphrase')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByText('The name or the password is wrong.').waitFor()
    expect(await page.getByLabel('Username or e-mail').inputValue()).toBe('first-admin')
  })

  it('lead to the page that needs them, and from there back; never to another site', async () => {
    await using context = await browser.newContext()
    const page = await context.newPage()
    await page.goto(`${gateway.url}/settings`)
    expect(page.url()).toBe(`${gateway.url}/sign-in?next=settings`)
    for (const next of ['//evil.example', 'https://evil.example/', '../..//evil.example', 'a\\b']) {
      const answer = await signInByForm({ next })
      expect([next, answer.status, answer.headers.get('location')]).toEqual([next, 303, '.'])
    }
  })

  it('are refused where another site sends the form', async () => {
    const answer = await signInByForm({}, { origin: 'https://evil.example' })
    expect([answer.status, answer.headers.get('set-cookie')]).toEqual([403, null])
  })
})

function signInByForm(fields: Record<string, string>, headers: Record<string, string> = {}): Promise<Response> {
  const body = new URLSearchParams({ login: 'first-admin', password: PASSWORD, ...fields })
  return fetch(`${gateway.url}/sign-in`, { method: 'POST', body, headers, redirect: 'manual' })
}

describe('settings', () => {
  it('change the profile and the password, and end sessions', async () => {
    await using page = await openAs('changes-all', 'settings')
    await page.getByLabel('Username').fill('changed-all')
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await page.getByText('Your profile is saved.').waitFor()
    await page.getByLabel('E-mail address').fill('else@example.org')
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await page.getByText('Enter your current password to change this.').waitFor()
    const password = page.locator('#password')
    await password.getByLabel('Current password').fill(PASSWORD)
    await password.getByLabel('New password').fill('another long passphrase')
    await password.getByRole('button', { name: 'Change password' }).click()
    await page.getByText('Your password is changed').waitFor()
    await page.getByRole('button', { name: 'Sign out everywhere' }).click()
    await page.getByText('You are signed out.').waitFor()
    await page.goto(`${gateway.url}/settings`)
    expect(page.url()).toContain('/sign-in')
  })

  it('end one session of several', async () => {
    await using page = await openAs('two-sessions', 'settings')
    await gateway.api(
      'POST',
      '/api/v1/auth/login',
      { login: 'two-sessions', password: PASSWORD },
      { 'user-agent': 'curl/8' },
    )
    await page.reload()
    await page.getByRole('button', { name: 'End the session of curl' }).click()
    await page.getByText('The session has ended.').waitFor()
    expect(await page.locator('.sessions li').count()).toBe(1)
  })

  it('delete the account with the password only', async () => {
    await using page = await openAs('goes-away', 'settings')
    const section = page.locator('#delete')
    await section.getByLabel('Current password').fill('a wrong passphrase')
    await section.getByRole('button', { name: 'Delete my account' }).click()
    await page.getByText('This is not your password.').waitFor()
    await section.getByLabel('Current password').fill(PASSWORD)
    await section.getByRole('button', { name: 'Delete my account' }).click()
    await page.waitForURL(`${gateway.url}/`)
    expect((await page.goto(`${gateway.url}/@goes-away`))?.status()).toBe(404)
  })
})

it('everything works behind a path prefix of a reverse proxy, which takes the prefix away', async () => {
  await using proxy = await startPrefixProxy('/tv')
  await using context = await browser.newContext()
  const page = await context.newPage()
  const { lines, origins } = watchPage(page)
  await page.goto(`${proxy.origin}/tv/`)
  await page.getByRole('link', { name: 'Create account' }).click()
  await fillIn(page, accountOf('behind-proxy'))
  await page.waitForURL(`${proxy.origin}/tv/`)
  await page.getByRole('link', { name: 'Settings' }).click()
  await page.getByLabel('E-mail address').waitFor()
  await page.goto(`${proxy.origin}/tv/studio/new`)
  await page.getByLabel('Title').fill('Behind a proxy')
  await page.getByRole('button', { name: 'Create broadcast' }).click()
  await page.getByRole('heading', { name: 'Your stream key' }).waitFor()
  expect(page.url()).toMatch(/\/tv\/studio\/[0-9a-f-]{36}$/)
  expect(await page.evaluate('getComputedStyle(document.querySelector(".bar")).position')).toBe('sticky')
  const message = page.getByRole('textbox', { name: 'Message' })
  await message.fill('Hello from behind a proxy')
  await message.press('Enter')
  await page.getByRole('log').getByText('Hello from behind a proxy').waitFor()
  await page.goto(`${proxy.origin}/tv/swagger`)
  await page.getByText('Watch a live stream').waitFor()
  expect(lines).toEqual([])
  // Swagger UI has pictures in addresses, which have no origin.
  expect([...origins].filter((origin) => origin !== 'null')).toEqual([proxy.origin])
})

/** Starts a proxy that passes what is below a prefix on to the gateway, without the prefix, and WebSockets as well. */
function startPrefixProxy(prefix: string) {
  return startLocalServer(
    async (request, response) => {
      if (!request.url?.startsWith(`${prefix}/`)) return void response.writeHead(404).end()
      if (response.socket !== null) request.pipe(passOn(request, response.socket, 'close'), { end: false })
    },
    (request, client) => client.pipe(passOn(request, client, 'Upgrade')),
  )

  /** Sends the head of a request to the gateway, and all that it answers to the client. */
  function passOn(request: IncomingMessage, client: Duplex, connection: string): Socket {
    const { hostname, port } = new URL(gateway.url)
    const server = connect(Number(port), hostname)
    const headers = Object.entries({ ...request.headers, connection })
    server.write(`${request.method} ${request.url?.slice(prefix.length)} HTTP/1.1\r\n`)
    server.write(`${headers.map(([name, value]) => `${name}: ${String(value)}\r\n`).join('')}\r\n`)
    server.pipe(client)
    server.on('error', () => client.destroy())
    client.on('error', () => server.destroy())
    return server
  }
}
