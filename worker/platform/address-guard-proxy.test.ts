import { once } from 'node:events'
import http from 'node:http'
import { hostname } from 'node:os'

import { expect, test } from 'vitest'

import { startLocalServer } from '../../shared/testing/local-server.ts'
import { startAddressGuardProxy } from './address-guard-proxy.ts'

/** Requests a page through a proxy, like yt-dlp and streamlink, and returns the response's status and text. */
async function getThrough(proxyUrl: string, url: string): Promise<readonly [number | undefined, string]> {
  const { hostname: host, port } = new URL(proxyUrl)
  const [response] = await once(http.get({ host, port, path: url, agent: false }), 'response')
  return [response.statusCode, Buffer.concat(await response.toArray()).toString()]
}

/** Requests a tunnel through a proxy, and returns whether it was opened. */
function isTunnelled(proxyUrl: string, target: string): Promise<boolean> {
  const { hostname: host, port } = new URL(proxyUrl)
  return new Promise((resolve) => {
    const request = http.request({ host, port, method: 'CONNECT', path: target, agent: false })
    request.on('connect', (response, socket) => {
      socket.destroy()
      resolve(response.statusCode === 200)
    })
    // Some refusals only close the connection.
    request.on('error', () => resolve(false)).end()
  })
}

test('private addresses and local names are refused, for requests and for tunnels', async () => {
  let requests = 0
  await using server = await startLocalServer(async (_request, response) => {
    requests++
    response.end()
  })
  await using guard = await startAddressGuardProxy(null)
  const { port } = new URL(server.origin)
  const hosts = ['127.0.0.1', 'localhost', '[::ffff:127.0.0.1]', hostname()]
  const answers = await Promise.all(hosts.map((host) => getThrough(guard.url, `http://${host}:${port}/`)))
  const tunnels = await Promise.all(hosts.map((host) => isTunnelled(guard.url, `${host}:${port}`)))
  for (const [status] of answers) expect(status).toBeGreaterThanOrEqual(400)
  expect(tunnels).toEqual(hosts.map(() => false))
  expect(requests).toBe(0)
})

test('with an upstream proxy, public names are forwarded to it and private addresses are refused', async () => {
  const requests: (string | undefined)[] = []
  await using upstream = await startLocalServer(async (request, response) => {
    requests.push(request.url)
    response.end('from upstream')
  })
  await using guard = await startAddressGuardProxy(upstream.origin)
  expect(await getThrough(guard.url, 'http://public.test/a')).toEqual([200, 'from upstream'])
  expect(await getThrough(guard.url, 'http://169.254.169.254/')).toMatchObject([403, expect.any(String)])
  expect(requests).toEqual(['http://public.test/a'])
})
