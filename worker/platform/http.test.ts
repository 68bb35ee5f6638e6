import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { hostname } from 'node:os'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { gzipSync } from 'node:zlib'

import { describe, expect, onTestFinished, test } from 'vitest'

import { createFetcher, type Fetched, type GetOptions, type Proxies } from './http.ts'

const NO_PROXIES: Proxies = { http: null, https: null, except: null }

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
  return { timeoutMs: 5000, maxBytes: 1000, signal: new AbortController().signal, ...changed }
}

function text(fetched: Fetched): string {
  return fetched.kind === 'ok' ? Buffer.from(fetched.bytes).toString() : `trouble: ${fetched.trouble.message}`
}

describe('what is fetched', () => {
  test('a body arrives whole, unzipped, with the URL after redirects', async () => {
    const base = await serve((request, response) => {
      if (request.url === '/start') response.writeHead(302, { location: '/deep/end?x=1' }).end()
      else response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('hello'))
    })
    const fetched = await fetcher().get(`${base}/start`, options())
    expect(fetched).toMatchObject({ kind: 'ok', url: `${base}/deep/end?x=1` })
    expect(text(fetched)).toBe('hello')
  })

  test('an error status is trouble that names it', async () => {
    const base = await serve((_request, response) => response.writeHead(403).end('no'))
    expect(await fetcher().get(base, options())).toEqual({
      kind: 'trouble',
      trouble: { message: 'HTTP 403', status: 403 },
    })
  })

  test('a byte range is the same whether the server honours it or sends the whole file', async () => {
    const content = '0123456789'
    const base = await serve((request, response) => {
      if (request.url === '/whole') return void response.writeHead(200).end(content)
      const [, from, to] = /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? '') ?? []
      response.writeHead(206, { 'content-range': `bytes ${from}-${to}/10` })
      response.end(content.slice(Number(from), Number(to) + 1))
    })
    const byteRange = { offset: 3, length: 4 }
    const get = (path: string) => fetcher().get(base + path, options({ byteRange }))
    expect((await Promise.all([get('/whole'), get('/range')])).map(text)).toEqual(['3456', '3456'])
  })

  test('a byte range that is cut short or another one is trouble', async () => {
    const base = await serve((request, response) => {
      const range = request.url === '/other' ? 'bytes 0-3/10' : 'bytes 3-6/10'
      response.writeHead(206, { 'content-range': range }).end(request.url === '/other' ? '0123' : '3')
    })
    const byteRange = { offset: 3, length: 4 }
    const get = (path: string) => fetcher().get(base + path, options({ byteRange }))
    expect(text(await get('/other'))).toContain('another byte range')
    expect(text(await get('/short'))).toContain('cut short')
  })

  test('connections are used again', async () => {
    const sockets = new Set<unknown>()
    const base = await serve((request, response) => {
      sockets.add(request.socket)
      response.end('x'.repeat(500))
    })
    const { get } = fetcher()
    for (let i = 0; i < 10; i++) expect(await get(`${base}/${i}`, options())).toMatchObject({ kind: 'ok' })
    expect(sockets.size).toBeLessThanOrEqual(2)
  })

  test('goes through the proxy of the environment, except for hosts that are excepted', async () => {
    const proxy = await serve((request, response) => response.end(`via proxy ${request.url}`))
    const direct = await serve((_request, response) => response.end('direct'))
    const proxied = fetcher(true, { http: proxy, https: null, except: '127.0.0.1' })
    expect(text(await proxied.get('http://name.test/a', options()))).toBe('via proxy http://name.test/a')
    expect(text(await proxied.get(direct, options()))).toBe('direct')
  })
})

describe('what a server cannot do', () => {
  test('drip its answer past the deadline', async () => {
    const base = await serve((_request, response) => {
      const drip = setInterval(() => response.write('.'), 20)
      response.on('close', () => clearInterval(drip))
    })
    const startedAt = performance.now()
    expect(text(await fetcher().get(base, options({ timeoutMs: 200 })))).toContain('no complete answer within 0.2 s')
    expect(performance.now() - startedAt).toBeLessThan(4000)
  })

  test('do so where the request has been garbage-collected meanwhile', async () => {
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
      if (opened.kind === 'answer') for await (const chunk of opened.body) void chunk
    }
    await expect(readAll()).rejects.toThrow('aborted')
  })

  test('send more than the limit, zipped or not, or keep the connection after it', async () => {
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

  test('send us in circles', async () => {
    let hops = 0
    const base = await serve((_request, response) => response.writeHead(302, { location: `/${++hops}` }).end())
    expect(text(await fetcher().get(base, options()))).toContain('more than 5 redirects')
    expect(hops).toBe(6)
  })

  test('cut a body short unnoticed', async () => {
    const base = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': '100' })
      response.write('half', () => response.destroy())
    })
    expect(await fetcher().get(base, options())).toMatchObject({ kind: 'trouble' })
  })

  test('send us to a file', async () => {
    const base = await serve((_request, response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end())
    expect(text(await fetcher().get(base, options()))).toContain('must be an http or https URL')
  })
})

test('an abort and a refused connection are values', async () => {
  const abort = new AbortController()
  const base = await serve(() => abort.abort())
  expect(text(await fetcher().get(base, options({ signal: abort.signal })))).toBe('trouble: aborted')
  expect(text(await fetcher().get(base, options({ signal: AbortSignal.abort() })))).toBe('trouble: aborted')
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
    expect(fetched).toMatchObject({ kind: 'trouble' })
    expect(requests).toBe(0)
  })

  test('a redirect to a private address is not followed, also behind a proxy', async () => {
    const asked: (string | undefined)[] = []
    const proxy = await serve((request, response) => {
      asked.push(request.url)
      response.writeHead(302, { location: 'http://169.254.169.254/latest/meta-data' }).end()
    })
    const guarded = fetcher(false, { http: proxy, https: null, except: null })
    expect(text(await guarded.get('http://public.test/', options()))).toContain('private address')
    expect(asked).toEqual(['http://public.test/'])
  })
})
