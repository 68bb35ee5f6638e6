import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { RUNTIMES, startGatewayOn, type RuntimeGateway } from '../testing/runtimes.ts'

/** What a method of a path is, as far as it says who may call it. */
type Operation = { readonly security?: readonly object[]; readonly responses: object }
type Paths = Readonly<Record<string, Readonly<Record<string, Operation>>>>

/** Calls that need neither a key nor a session. */
const OPEN_CALLS = [
  'get /api/v1/archives',
  'get /api/v1/archives/{id}',
  'get /api/v1/archives/{id}/chapters.vtt',
  'get /api/v1/archives/{id}/messages',
  'get /api/v1/clips',
  'get /api/v1/clips/{id}',
  'get /api/v1/streams',
  'get /api/v1/streams/{id}',
  'get /api/v1/streams/{id}/chat',
  'get /api/v1/streams/{id}/chat/events',
  'get /api/v1/streams/{id}/events',
  'get /api/v1/streams/{id}/messages',
  'get /api/v1/streams/{id}/room',
  'get /api/v1/users/{id}',
  'get /api/v1/users/{id}/followers',
  'get /api/v1/users/{id}/following',
  'get /api/v1/users/{id}/schedule',
  'get /api/v1/users/{id}/schedule.ics',
  'post /api/v1/auth/forgot',
  'post /api/v1/auth/login',
  'post /api/v1/auth/logout',
  'post /api/v1/auth/register',
  'post /api/v1/auth/reset',
  'post /api/v1/auth/verify-email',
  'post /api/v1/stripe/webhook',
]

describe.each(RUNTIMES)('the description of the API on %s', (runtime) => {
  let gateway: RuntimeGateway
  beforeAll(async () => {
    gateway = await startGatewayOn(runtime)
  })
  afterAll(() => gateway[Symbol.asyncDispose]())

  it('has every public call, with what it answers, and no internal one', async () => {
    const { openapi, paths } = (await gateway.api('GET', '/openapi.json')).json as { openapi: string; paths: Paths }
    expect(openapi).toBe('3.1.0')
    expect(Object.keys(paths['/api/v1/monitors'] ?? {})).toEqual(expect.arrayContaining(['get', 'post']))
    expect(Object.keys(paths).filter((path) => !path.startsWith('/api/v1/'))).toEqual([])
    const calls = Object.entries(paths).flatMap(([path, operations]) =>
      Object.entries(operations).map(([method, operation]) => ({ name: `${method} ${path}`, ...operation })),
    )
    const [key, session] = [[{ ApiKey: [] }, { Bearer: [] }], [{ Bearer: [] }]]
    for (const { name, security, responses } of calls.filter((call) => !OPEN_CALLS.includes(call.name))) {
      expect(security).toEqual(
        /\/(?:auth|users|invitations|streams|archives|clips|blocks|follows|notifications|transactions|reports|audit)\b/.test(
          name,
        )
          ? session
          : key,
      )
      expect(Object.keys(responses)).toEqual(expect.arrayContaining(['401', '429', '503']))
    }
    const open = calls.filter(({ security }) => security?.length === 0)
    expect(open.map(({ name }) => name).toSorted()).toEqual(OPEN_CALLS)
  })

  it('is where /swagger leads, and / on a runtime that has no pages', async () => {
    for (const path of runtime === 'node' ? ['/swagger'] : ['/', '/swagger']) {
      const answer = await gateway.api('GET', path)
      expect([path, answer.status, answer.headers.get('location')]).toEqual([path, 302, 'docs'])
    }
  })

  it('is shown under a policy that lets nothing in from outside', async () => {
    const answer = await gateway.api('GET', '/docs')
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(answer.text).toContain('openapi.json')
  })

  it('is shown behind a path prefix of a reverse proxy: no address of its page begins at the root', async () => {
    for (const path of ['/docs', '/docs/start.js']) {
      expect((await gateway.api('GET', path)).text).not.toMatch(/(?:href|src)="\/|url: '\//)
    }
  })

  it('links to the guides, which a runtime without files does not have', async () => {
    expect((await gateway.api('GET', '/docs')).text).toContain('<a href="docs/guides">')
    const guides = await gateway.api('GET', '/docs/guides')
    const expected = runtime === 'node' ? [200, 'Webhooks'] : [404, 'the folder gateway/docs of the repository']
    expect([guides.status, guides.text]).toEqual([expected[0], expect.stringContaining(String(expected[1]))])
  })
})
