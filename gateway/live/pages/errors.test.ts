import { Hono } from 'hono'
import { requestId } from 'hono/request-id'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { createLog } from '../../../shared/log.ts'
import { BrokenRule, KERNEL_ERRORS, type ErrorCode } from '../../errors.ts'
import { startTestGateway, type TestGateway } from '../../testing/test-gateway.ts'
import { LIVE_ERRORS } from '../errors.ts'
import { cookieOf, signUp, type TestUser } from '../testing/live-gateway.ts'
import { pageErrors } from './errors.tsx'
import type { PagesContext } from './visit.ts'

/** What the page of an error needs of the gateway. */
const CONTEXT = {
  log: createLog('gateway', 'error', () => {}),
  isDatabaseGone: () => false,
  loadPageAssets: async () => ({ stylesheet: 'style.css', nameOf: (source: string) => source, find: () => null }),
  settings: { live: { filesUrl: null } },
} as unknown as PagesContext

/** Returns the page that a visitor gets after this error. */
async function showAfter(error: Error | ErrorCode, method = 'GET'): Promise<string> {
  const app = new Hono().use(requestId()).onError(pageErrors(CONTEXT))
  app.all('/a/page', () => {
    throw error instanceof Error ? error : new BrokenRule(error, 'no')
  })
  return (await app.request('/a/page', { method })).text()
}

const NUMBER = /report this number:[\s\S]*<code>[0-9a-f-]{36}<\/code>/
const RELOAD = 'http-equiv="refresh"'

describe('the page of an error', () => {
  it('has the number of the request where the log has the error, and there only', async () => {
    expect(await showAfter(new Error('a mistake'))).toMatch(NUMBER)
    const codes = [
      LIVE_ERRORS.TAKEN_DOWN,
      LIVE_ERRORS.STREAM_ENDED,
      KERNEL_ERRORS.INVALID_CONFIG,
      LIVE_ERRORS.SOCKETS_UNAVAILABLE,
      LIVE_ERRORS.PAYMENT_REFUSED,
    ]
    for (const code of codes) {
      const page = await showAfter(code)
      expect(page).not.toContain('Something broke on our side')
      expect(page).not.toMatch(/number|<code>/)
    }
  })

  it('speaks of the database where it is away, and loads again where that repeats no form', async () => {
    const read = await showAfter(KERNEL_ERRORS.DATABASE_UNAVAILABLE)
    expect(read).toContain(RELOAD)
    expect(read).toContain('cannot reach its database. This page loads again by itself.')
    const sent = await showAfter(KERNEL_ERRORS.DATABASE_UNAVAILABLE, 'POST')
    expect(sent).toContain('what you sent may not be stored')
    expect(sent).not.toContain(RELOAD)
    for (const code of [LIVE_ERRORS.PAYMENTS_UNAVAILABLE, LIVE_ERRORS.CLIPS_BUSY]) {
      const page = await showAfter(code)
      expect(page).not.toContain('database')
      expect(page).not.toContain(RELOAD)
    }
    expect(await showAfter(LIVE_ERRORS.PAYMENTS_UNAVAILABLE)).toContain('Stripe')
  })

  it('leads back from a form, whose address has no page', async () => {
    for (const code of [KERNEL_ERRORS.RATE_LIMIT_EXCEEDED, LIVE_ERRORS.TOO_MANY_FOLLOWS]) {
      const sent = await showAfter(code, 'POST')
      expect(sent).toMatch(/data-back[^>]*hidden[^>]*>\s*Go back/)
      expect(sent).not.toContain('Try again</a>')
    }
    const read = await showAfter(KERNEL_ERRORS.RATE_LIMIT_EXCEEDED)
    expect(read).toMatch(/href=""[^>]*>\s*Try again/)
    expect(read).not.toContain('data-back')
  })
})

describe('on the platform', () => {
  let gateway: TestGateway
  let [anna, ben]: TestUser[] = []
  beforeAll(async () => {
    gateway = await startTestGateway()
    anna = await signUp(gateway.api, 'anna')
    ben = await signUp(gateway.api, 'ben')
  })
  afterAll(() => gateway[Symbol.asyncDispose]())

  const read = async (path: string, who?: TestUser) => {
    const headers = { accept: 'text/html', ...(who === undefined ? {} : { cookie: cookieOf(who) }) }
    const answer = await fetch(gateway.url + path, { headers })
    return { status: answer.status, text: await answer.text() }
  }

  it('a broadcast that is not open leads visitors to sign in and back, and says to users whom it may be for', async () => {
    const show = { title: 'Hidden', visibility: 'followers' }
    const { json } = await gateway.api('POST', '/api/v1/streams', show, anna?.headers)
    const path = `watch/${json.stream_id}`
    const visitor = await read(`/${path}`)
    expect(visitor.status).toBe(404)
    expect(visitor.text).toContain(
      `<a class="button button-primary" href="../sign-in?next=${encodeURIComponent(path)}">`,
    )
    const user = await read(`/${path}`, ben)
    expect(user.text).toContain('it is for those who follow its channel')
    expect(user.text).not.toContain('button-primary')
  })

  it('a cursor that no list has made is no failure of the platform', async () => {
    const page = await read('/notices?cursor=nonsense', ben)
    expect([page.status, page.text.includes('That did not work')]).toEqual([400, true])
    expect(page.text).not.toContain('number')
  })
})
