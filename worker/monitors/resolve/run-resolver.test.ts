import { createServer } from 'node:net'

import { expect, test } from 'vitest'

import { startLocalServer } from '../../../shared/testing/local-server.ts'
import { runResolver } from './run-resolver.ts'
import { buildStreamlinkArgs } from './streamlink.ts'
import { buildYtDlpArgs } from './yt-dlp.ts'

const signal = new AbortController().signal

/** Starts a server on a private address that counts the connections that it receives. */
async function startCanary() {
  let connections = 0
  const server = createServer((socket) => {
    connections += 1
    socket.destroy()
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('a listening server has an address')
  return {
    url: `http://127.0.0.1:${address.port}/watch`,
    connections: () => connections,
    [Symbol.asyncDispose]: () => new Promise<void>((done) => server.close(() => done())),
  }
}

/** Starts a proxy of the installation, which stands for the internet: every page redirects to the canary. */
async function startRedirectingProxy(location: string) {
  const requests: string[] = []
  const server = await startLocalServer(async (request, response) => {
    requests.push(`${request.method} ${request.url}`)
    response.writeHead(302, { location }).end()
  })
  return { ...server, requests }
}

const RESOLVERS = [
  { path: 'yt-dlp', buildArgs: (url: string, via: string | null) => buildYtDlpArgs(url, via) },
  { path: 'streamlink', buildArgs: (url: string, via: string | null) => buildStreamlinkArgs(url, via) },
]

test.each(RESOLVERS)(
  'a page that redirects to a private address does not make the real $path connect to it',
  async ({ path, buildArgs }) => {
    await using canary = await startCanary()
    await using proxy = await startRedirectingProxy(canary.url)
    const page = 'http://public.test/watch'
    const run = { path, proxy: proxy.origin, policy: { allowPrivateNetworks: false }, signal }
    const result = await runResolver({ ...run, buildArgs: (via) => buildArgs(page, via) })
    expect(result.kind).toBe('exited')
    expect(proxy.requests.some((line) => line.endsWith(page))).toBe(true)
    // Nothing but the proxy's own refusal, and no second way to the page.
    expect(proxy.requests.every((line) => line.endsWith(page))).toBe(true)
    expect(canary.connections()).toBe(0)
  },
)

test.each(RESOLVERS)(
  'the real $path does not connect to a private address in its URL, in any of its requests',
  async ({ path, buildArgs }) => {
    await using canary = await startCanary()
    const run = { path, proxy: null, policy: { allowPrivateNetworks: false }, signal }
    const result = await runResolver({ ...run, buildArgs: (via) => buildArgs(canary.url, via) })
    expect(result.kind).toBe('exited')
    expect(canary.connections()).toBe(0)
  },
)

test('a resolver has the proxy in its environment, an empty home and no way around the proxy', async () => {
  const run = { path: '/usr/bin/env', proxy: null, policy: { allowPrivateNetworks: false }, signal }
  const result = await runResolver({ ...run, buildArgs: () => ['sh', '-c', 'env; echo "files:$(ls -A "$HOME")."'] })
  if (result.kind !== 'exited') throw new Error(result.kind)
  const lines = result.stdout.split('\n')
  const valueOf = (name: string) => lines.find((line) => line.startsWith(`${name}=`))?.slice(name.length + 1)
  for (const name of ['http_proxy', 'https_proxy', 'all_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY']) {
    expect(valueOf(name)).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
  }
  for (const name of ['no_proxy', 'NO_PROXY', 'PYTHONPATH', 'XDG_CONFIG_HOME', 'XDG_CONFIG_DIRS']) {
    expect(valueOf(name)).toBeUndefined()
  }
  expect(valueOf('HOME')).not.toBe(process.env['HOME'])
  expect(lines).toContain('files:.')
})
