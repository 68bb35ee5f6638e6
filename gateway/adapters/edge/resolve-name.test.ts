import { expect, onTestFinished, test } from 'vitest'

import { PATIENCE_MS } from '../../../shared/testing/until.ts'
import { startLocalServer } from '../../../shared/testing/local-server.ts'
import { requirePublicHost } from './resolve-name.ts'

type Records = readonly { readonly type: number; readonly data: string }[]
type Reply = Readonly<{ status?: number; dns?: number; a?: Records; aaaa?: Records; body?: string }>

const A = (data: string) => ({ type: 1, data })
const AAAA = (data: string) => ({ type: 28, data })
const CNAME = (data: string) => ({ type: 5, data })

/** Checks a host with a resolver that sends this reply. */
async function checkHost(host: string, { status = 200, dns = 0, a = [], aaaa = [], body }: Reply): Promise<void> {
  const resolver = await startLocalServer(async (request, response) => {
    const isA = new URL(request.url ?? '', 'http://resolver').searchParams.get('type') === 'A'
    const answer = body ?? JSON.stringify({ Status: dns, TC: false, Answer: isA ? a : aaaa })
    const isDnsQuery = request.headers.accept === 'application/dns-json'
    response.writeHead(isDnsQuery ? status : 406, { location: '/elsewhere' }).end(answer)
  })
  onTestFinished(() => resolver[Symbol.asyncDispose]())
  return requirePublicHost(host, `${resolver.origin}/dns-query?ct=x`, AbortSignal.timeout(PATIENCE_MS))
}

test.each<[string, Reply]>([
  ['one public address', { a: [A('93.184.216.34')] }],
  ['addresses of both kinds', { a: [A('93.184.216.34'), A('1.1.1.1')], aaaa: [AAAA('2606:4700::1111')] }],
  ['an alias', { a: [CNAME('edge.example.'), A('93.184.216.34')], aaaa: [CNAME('edge.example.')] }],
])('a name with %s is public', async (_what, reply) => {
  await expect(checkHost('receiver.example', reply)).resolves.toBeUndefined()
})

test.each<[string, Reply, string]>([
  ['a private address', { a: [A('10.0.0.7')] }, 'private address'],
  ['a private address among public ones', { a: [A('1.1.1.1'), A('169.254.169.254')] }, 'private address'],
  ['a private IPv6 address', { a: [A('1.1.1.1')], aaaa: [AAAA('fd00::1')] }, 'private address'],
  ['a private IPv4 address in IPv6', { aaaa: [AAAA('::ffff:127.0.0.1')] }, 'private address'],
  ['a record that is no address', { a: [A('localhost')] }, 'private address'],
  ['no address', {}, 'has no address'],
  ['no entry', { dns: 3 }, 'there is no such name'],
  ['a resolver that fails', { dns: 2 }, 'SERVFAIL'],
  ['a resolver that refuses', { status: 403 }, 'answered 403'],
  ['a resolver that redirects', { status: 302, a: [A('1.1.1.1')] }, 'answered 302'],
  ['a resolver that sends no DNS answer', { body: '<html>' }, 'cannot be resolved'],
  ['a resolver that sends an endless body', { body: ' '.repeat(10_000_000) }, 'cannot be resolved'],
])('a name with %s is refused', async (_what, reply, reason) => {
  await expect(checkHost('receiver.example', reply)).rejects.toThrow(reason)
})

test('addresses, and names of the local machine, are checked without a DNS query', async () => {
  const checkOffline = (host: string) =>
    requirePublicHost(host, 'http://127.0.0.1:1/', AbortSignal.timeout(PATIENCE_MS))
  for (const host of ['127.0.0.1', '[::1]', 'localhost', 'metadata.google.internal']) {
    await expect(checkOffline(host)).rejects.toThrow('private address')
  }
  for (const host of ['93.184.216.34', '[2606:4700::1111]']) await expect(checkOffline(host)).resolves.toBeUndefined()
})
