import http from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { hostname } from 'node:os'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { gzipSync } from 'node:zlib'

import { describe, expect, onTestFinished, test } from 'vitest'

import { PATIENCE_MS } from '../../shared/testing/until.ts'
import { createFetcher, type FetchResult, type GetOptions } from './http.ts'
import type { ProxySettings } from './http-agents.ts'

const NO_PROXIES: ProxySettings = { http: null, https: null, bypass: null }

async function serve(handler: http.RequestListener): Promise<string> {
  const server = http.createServer(handler)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function fetcher(allowPrivateNetworks = true, proxies = NO_PROXIES) {
  const made = createFetcher({ policy: { allowPrivateNetworks }, proxies })
  onTestFinished(() => made[Symbol.asyncDispose]())
  return made
}

function garbageCollector(): () => void {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc')
}

function options(changed: Partial<GetOptions> = {}): GetOptions {
  return { timeoutMs: PATIENCE_MS, maxBytes: 1000, signal: new AbortController().signal, ...changed }
}

function text(fetched: FetchResult): string {
  return fetched.kind === 'ok' ? Buffer.from(fetched.bytes).toString() : `failure: ${fetched.failure.message}`
}

describe('a fetch', () => {
  test('returns the whole body, decompressed, with the URL after redirects', async () => {
    const base = await serve((request, response) => {
      if (request.url === '/start') response.writeHead(302, { location: '/deep/end?x=1' }).end()
      else response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('hello'))
    })
    const fetched = await fetcher().get(`${base}/start`, options())
    expect(fetched).toMatchObject({ kind: 'ok', url: `${base}/deep/end?x=1` })
    expect(text(fetched)).toBe('hello')
  })

  test('fails with the HTTP status of an error response', async () => {
    const base = await serve((_request, response) => response.writeHead(403).end('no'))
    expect(await fetcher().get(base, options())).toEqual({
      kind: 'failed',
      failure: { message: 'HTTP 403', status: 403 },
    })
  })

  test('returns the requested byte range, also from a server that sends the whole file', async () => {
    const content = '0123456789'
    const base = await serve((request, response) => {
      if (request.url?.startsWith('/2')) return void response.writeHead(Number(request.url.slice(1))).end(content)
      const [, from, to] = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? '') ?? []
      response.writeHead(206, request.url === '/part' ? {} : { 'content-range': `bytes ${from}-${to}/10` })
      response.end(content.slice(Number(from), Number(to) + 1))
    })
    const byteRange = { offset: 3, length: 4 }
    const get = (path: string) => fetcher().get(base + path, options({ byteRange }))
    for (const path of ['/200', '/206', '/range', '/part']) expect(text(await get(path))).toBe('3456')
  })

  test('fails where the byte range is cut short or not the requested one', async () => {
    const base = await serve((request, response) => {
      const range = request.url === '/other' ? 'bytes 0-3/10' : 'bytes 3-6/10'
      response.writeHead(206, { 'content-range': range }).end(request.url === '/other' ? '0123' : '3')
    })
    const byteRange = { offset: 3, length: 4 }
    const get = (path: string) => fetcher().get(base + path, options({ byteRange }))
    expect(text(await get('/other'))).toContain('not the requested byte range')
    expect(text(await get('/short'))).toContain('cut short')
  })

  test('reuses connections', async () => {
    const sockets = new Set<unknown>()
    const base = await serve((request, response) => {
      sockets.add(request.socket)
      response.end('x'.repeat(500))
    })
    const { get } = fetcher()
    for (let i = 0; i < 10; i++) expect(await get(`${base}/${i}`, options())).toMatchObject({ kind: 'ok' })
    expect(sockets.size).toBeLessThanOrEqual(2)
  })

  test('goes through the forward proxy, except for hosts that bypass it', async () => {
    const proxy = await serve((request, response) => response.end(`via proxy ${request.url}`))
    const direct = await serve((_request, response) => response.end('direct'))
    const proxied = fetcher(true, { http: proxy, https: null, bypass: '127.0.0.1' })
    expect(text(await proxied.get('http://name.test/a', options()))).toBe('via proxy http://name.test/a')
    expect(text(await proxied.get(direct, options()))).toBe('direct')
  })
})

/** Serves raw bytes as the whole answer to each request, and closes the connection. */
async function serveRaw(answer: (path: string) => string): Promise<string> {
  const server = net.createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', (request) => socket.end(Buffer.from(answer(String(request).split(' ')[1] ?? ''), 'latin1')))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => new Promise<void>((resolve) => void server.close(() => resolve())))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe('an answer that players take is taken:', () => {
  test.each([
    [
      'a length beside chunks',
      'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
    ],
    ['header lines that end in LF', 'HTTP/1.1 200 OK\nContent-Type: x\nContent-Length: 5\n\nhello'],
    ['a body that ends with its connection', 'HTTP/1.1 200 OK\r\n\r\nhello'],
    ['a body with more behind it', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello and more'],
    ['a space before the colon', 'HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello'],
  ])('%s', async (_name, answer) => {
    const base = await serveRaw(() => answer)
    expect(text(await fetcher().get(base, options()))).toBe('hello')
  })

  test('a redirect whose Location holds UTF-8', async () => {
    const base = await serveRaw((path) =>
      path === '/'
        ? 'HTTP/1.1 302 Found\r\nLocation: ./d\xc3\xa9j\xc3\xa0.ts?tok=1\r\nContent-Length: 0\r\n\r\n'
        : `HTTP/1.1 200 OK\r\n\r\n${path}`,
    )
    expect(text(await fetcher().get(`${base}/`, options()))).toBe('/d%C3%A9j%C3%A0.ts?tok=1')
  })

  test('a URL with apostrophes in its query, which a signature may cover, also behind a redirect', async () => {
    const query = "?name*=UTF-8''x%27.mp4&sig='1'"
    const base = await serveRaw((path) =>
      path === '/'
        ? `HTTP/1.1 302 Found\r\nLocation: /file${query}\r\nContent-Length: 0\r\n\r\n`
        : `HTTP/1.1 200 OK\r\n\r\n${path}`,
    )
    for (const path of ['/', `/file${query}`])
      expect(text(await fetcher().get(base + path, options()))).toBe(`/file${query}`)
  })

  test('a long body that ends with its connection, although its reader is slow', async () => {
    const base = await serveRaw(() => `HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n${'x'.repeat(2_000_000)}`)
    const opened = await fetcher().open(base, { headers: {}, signal: new AbortController().signal })
    let length = 0
    for await (const chunk of opened.kind === 'opened' ? opened.body : []) {
      length += chunk.length
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(length).toBe(2_000_000)
  })
})

test('cookies of a page, and of a redirect, are sent with what follows', async () => {
  const base = await serve((request, response) => {
    const cookie = request.headers.cookie ?? 'none'
    if (request.url === '/master') response.writeHead(302, { location: '/live', 'set-cookie': 'a=1; Path=/' }).end()
    else if (request.url === '/live') response.writeHead(200, { 'set-cookie': 'b=2; Path=/' }).end(cookie)
    else response.end(cookie)
  })
  const { get } = fetcher()
  expect(text(await get(`${base}/master`, options()))).toBe('a=1')
  expect(text(await get(`${base}/segment`, options()))).toBe('a=1; b=2')
})

test('a server that is overloaded says when to call again', async () => {
  const base = await serve((request, response) => {
    response.writeHead(request.url === '/gone' ? 404 : 503, { 'retry-after': '7' }).end()
  })
  const { get } = fetcher()
  expect(await get(base, options())).toMatchObject({ failure: { status: 503, retryAfterMs: 7000 } })
  expect(await get(`${base}/gone`, options())).toEqual({
    kind: 'failed',
    failure: { message: 'HTTP 404', status: 404 },
  })
})

test('an answer without a body that closes its connection at once fails alone', async () => {
  const base = await serveRaw((path) => (path === '/nothing' ? '' : 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf'))
  const { get } = fetcher()
  const results = await Promise.all(
    ['/nothing', '/half'].flatMap((path) => [get(base + path, options()), get(base + path, options())]),
  )
  expect(results.map(({ kind }) => kind)).toEqual(['failed', 'failed', 'failed', 'failed'])
})

describe('a server cannot', () => {
  test('send its response slowly past the deadline', async () => {
    const base = await serve((_request, response) => {
      const drip = setInterval(() => response.write('.'), 20)
      response.on('close', () => clearInterval(drip))
    })
    expect(text(await fetcher().get(base, options({ timeoutMs: 200 })))).toContain('no complete answer within 0.2 s')
  })

  test('do so after the request was garbage-collected', async () => {
    const base = await serve((_request, response) => {
      const drip = setInterval(() => response.write('.'), 20)
      response.on('close', () => clearInterval(drip))
    })
    const collecting = setInterval(garbageCollector(), 50)
    onTestFinished(() => clearInterval(collecting))
    const { get, open } = fetcher()
    expect(text(await get(base, options({ timeoutMs: 300 })))).toContain('no complete answer within 0.3 s')
    const abort = new AbortController()
    const opened = await open(base, { headers: {}, signal: abort.signal })
    setTimeout(() => abort.abort(), 300)
    const readAll = async () => {
      if (opened.kind === 'opened') for await (const chunk of opened.body) void chunk
    }
    await expect(readAll()).rejects.toThrow('aborted')
  })

  test('send more than the limit, compressed or not, or keep the connection after it', async () => {
    let closed = 0
    const base = await serve((request, response) => {
      response.on('close', () => closed++)
      if (request.url !== '/bomb') return void response.write('x'.repeat(2000))
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('x'.repeat(5_000_000)))
    })
    const { get } = fetcher()
    expect(text(await get(`${base}/endless`, options()))).toContain('larger than 1000 bytes')
    expect(text(await get(`${base}/bomb`, options()))).toContain('larger than 1000 bytes')
    await expect.poll(() => closed).toBe(2)
  })

  test('redirect endlessly', async () => {
    let hops = 0
    const base = await serve((_request, response) => response.writeHead(302, { location: `/${++hops}` }).end())
    expect(text(await fetcher().get(base, options()))).toContain('more than 20 redirects')
    expect(hops).toBe(21)
  })

  test('cut a body short unnoticed', async () => {
    const base = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': '100' })
      response.write('half', () => response.destroy())
    })
    expect(await fetcher().get(base, options())).toMatchObject({ kind: 'failed' })
  })

  test('redirect to a local file', async () => {
    const base = await serve((_request, response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end())
    expect(text(await fetcher().get(base, options()))).toContain('must be an http or https URL')
  })
})

test('an abort and a refused connection are failures, not errors', async () => {
  const abort = new AbortController()
  const base = await serve(() => abort.abort())
  expect(text(await fetcher().get(base, options({ signal: abort.signal })))).toBe('failure: aborted')
  expect(text(await fetcher().get(base, options({ signal: AbortSignal.abort() })))).toBe('failure: aborted')
  expect(text(await fetcher().get('http://127.0.0.1:2/', options()))).toContain('ECONNREFUSED')
})

describe('where private networks are forbidden', () => {
  test.each([
    'http://127.0.0.1:PORT/',
    'http://2130706433:PORT/',
    'http://[::ffff:127.0.0.1]:PORT/',
    'http://localhost:PORT/',
  ])('%s is not reached', async (template) => {
    let requests = 0
    const base = await serve((_request, response) => response.end(String(++requests)))
    const url = template.replace('PORT', new URL(base).port)
    expect(text(await fetcher(false).get(url, options()))).toContain('private address')
    expect(requests).toBe(0)
  })

  test('a name that resolves to a private address is not reached', async () => {
    let requests = 0
    const base = await serve((_request, response) => response.end(String(++requests)))
    const fetched = await fetcher(false).get(`http://${hostname()}:${new URL(base).port}/`, options())
    expect(fetched).toMatchObject({ kind: 'failed' })
    expect(requests).toBe(0)
  })

  test('a redirect to a private address is not followed, also behind a proxy', async () => {
    const requests: (string | undefined)[] = []
    const proxy = await serve((request, response) => {
      requests.push(request.url)
      response.writeHead(302, { location: 'http://169.254.169.254/latest/meta-data' }).end()
    })
    const guarded = fetcher(false, { http: proxy, https: null, bypass: null })
    expect(text(await guarded.get('http://public.test/', options()))).toContain('private address')
    expect(requests).toEqual(['http://public.test/'])
  })
})
