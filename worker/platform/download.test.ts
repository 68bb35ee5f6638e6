import { createHash, randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { hostname, tmpdir } from 'node:os'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

import { describe, expect, onTestFinished, test } from 'vitest'

import { startLocalServer } from '../testing/local-server.ts'
import { download, type Downloaded, type DownloadOptions } from './download.ts'
import { createFetcher } from './http.ts'

const CONTENT = randomBytes(3_000_000)

async function serve(handle: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = await startLocalServer(async (request, response) => handle(request, response))
  onTestFinished(() => server[Symbol.asyncDispose]())
  return server.origin
}

type Told = {
  readonly result: Downloaded
  readonly path: string
  readonly progress: (readonly [number, number | null])[]
}

async function fetchFile(url: string, changed: Partial<DownloadOptions> = {}, allowPrivate = true): Promise<Told> {
  const dir = await mkdtemp(join(tmpdir(), 'tallylight-download-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  await using fetcher = createFetcher({
    policy: { allowPrivateNetworks: allowPrivate },
    proxies: { http: null, https: null, except: null },
  })
  const path = join(dir, 'input')
  const progress: [number, number | null][] = []
  const result = await download(url, {
    fetcher,
    path,
    maxBytes: 10_000_000,
    minRate: { bytes: 1024, withinMs: 5000 },
    retry: { firstMs: 20, maxMs: 100 },
    onProgress: (bytes, total) => progress.push([bytes, total]),
    signal: new AbortController().signal,
    ...changed,
  })
  return { result, path, progress }
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** Sends the content from where it is asked for, and cuts the connection after `maxBytes`. */
function sendFrom(request: IncomingMessage, response: ServerResponse, maxBytes: number): void {
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
  const rest = CONTENT.subarray(from)
  if (from > 0) response.setHeader('content-range', `bytes ${from}-${CONTENT.length - 1}/${CONTENT.length}`)
  response.writeHead(from > 0 ? 206 : 200, { 'content-length': rest.length, etag: '"one"' })
  if (rest.length <= maxBytes) response.end(rest)
  else response.write(rest.subarray(0, maxBytes), () => setTimeout(() => response.destroy(), 20))
}

describe('what is downloaded', () => {
  test('a file arrives whole, with redirects followed, and tells how far it is', async () => {
    const base = await serve((request, response) => {
      if (request.url === '/start') response.writeHead(302, { location: '/file' }).end()
      else sendFrom(request, response, Infinity)
    })
    const { result, path, progress } = await fetchFile(`${base}/start`)
    expect(result).toEqual({ kind: 'ok', bytes: CONTENT.length })
    expect(digest(await readFile(path))).toBe(digest(CONTENT))
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect(progress.at(-1)).toEqual([CONTENT.length, CONTENT.length])
    expect(progress.length).toBeGreaterThan(3)
  })

  test('a connection that breaks is taken up where it broke, as long as it is the same file', async () => {
    const asked: unknown[] = []
    const base = await serve((request, response) => {
      asked.push([request.headers.range !== undefined, request.headers['if-range']])
      sendFrom(request, response, 1_200_000)
    })
    const { result, path } = await fetchFile(base)
    expect(result).toEqual({ kind: 'ok', bytes: CONTENT.length })
    expect(digest(await readFile(path))).toBe(digest(CONTENT))
    expect(asked).toEqual([
      [false, undefined],
      [true, '"one"'],
      [true, '"one"'],
    ])
  })

  test('a file that changed in between is fetched anew, and so is one of a server that knows no parts', async () => {
    let tries = 0
    const base = await serve((_request, response) => {
      tries++
      if (tries > 1) return void response.writeHead(200, { etag: '"two"' }).end('another file')
      response.writeHead(200, { 'content-length': 5000, etag: '"one"' })
      response.write('x'.repeat(3000), () => setTimeout(() => response.destroy(), 20))
    })
    const { result, path } = await fetchFile(base)
    expect(result).toEqual({ kind: 'ok', bytes: 12 })
    expect(await readFile(path, 'utf8')).toBe('another file')
  })

  test('another part than asked for is not glued in', async () => {
    let tries = 0
    const base = await serve((request, response) => {
      tries++
      if (tries !== 2) return sendFrom(request, response, tries === 1 ? 2_000_000 : Infinity)
      response.writeHead(206, { 'content-range': `bytes 7-${CONTENT.length - 1}/${CONTENT.length}` }).end('wrong')
    })
    const { result, path } = await fetchFile(base)
    expect(result).toMatchObject({ kind: 'ok' })
    expect(digest(await readFile(path))).toBe(digest(CONTENT))
  })

  test('a server may call the whole file a part, and say that there is no more of a file that has become shorter', async () => {
    const whole = { 'content-range': 'bytes 0-4/5', 'content-length': 5, etag: '"two"' }
    let tries = 0
    const base = await serve((request, response) => {
      tries++
      if (tries > 1)
        return void (request.headers.range
          ? response.writeHead(416).end()
          : response.writeHead(206, whole).end('whole'))
      response.writeHead(200, { 'content-length': 5000, etag: '"one"' })
      response.write('x'.repeat(3000), () => setTimeout(() => response.destroy(), 20))
    })
    const { result, path } = await fetchFile(base)
    expect(result).toEqual({ kind: 'ok', bytes: 5 })
    expect([await readFile(path, 'utf8'), tries]).toEqual(['whole', 3])
  })

  test('a server with trouble of its own is asked again', async () => {
    let tries = 0
    const base = await serve((_request, response) => response.writeHead(++tries < 3 ? 503 : 200).end('late'))
    expect((await fetchFile(base)).result).toEqual({ kind: 'ok', bytes: 4 })
  })

  test('what is sent packed all the same is unpacked', async () => {
    const packed = gzipSync('hello')
    const base = await serve((_request, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': packed.length }).end(packed),
    )
    const { result, path } = await fetchFile(base)
    expect([result.kind, await readFile(path, 'utf8')]).toEqual(['ok', 'hello'])
  })
})

describe('what cannot be had', () => {
  test.each([404, 410, 403, 401, 204])('HTTP %d is final', async (status) => {
    let tries = 0
    const base = await serve((_request, response) => void response.writeHead(status).end(void tries++))
    expect((await fetchFile(base)).result).toEqual({
      kind: 'unreachable',
      message: `HTTP ${status}`,
      isTransient: false,
    })
    expect(tries).toBe(1)
  })

  test.each([
    ['redirects in a circle', 302, { location: '/again' }, 6],
    ['a redirect to what is no URL', 302, { location: 'http://[' }, 1],
    ['416 to what asked for no part', 416, {}, 1],
    ['a part without being asked', 206, { 'content-range': 'bytes 0-2/3000' }, 1],
    ['a part of nobody knows what', 206, {}, 1],
  ])('%s: that is final', async (_what, status, headers, requests) => {
    let tries = 0
    const base = await serve((_request, response) => void response.writeHead(status, headers).end(`${tries++}.`))
    expect((await fetchFile(base)).result).toMatchObject({ kind: 'unreachable', isTransient: false })
    expect(tries).toBe(requests)
  })

  test('a name that nobody has is final', async () => {
    expect((await fetchFile('http://nobody.invalid/')).result).toMatchObject({ kind: 'unreachable' })
  })

  test('a port that nothing is ever fetched from is final', async () => {
    const message = 'nothing is fetched from this port (bad port)'
    const final = { kind: 'unreachable', message, isTransient: false }
    expect((await fetchFile('http://127.0.0.1:9/a.mp4')).result).toEqual(final)
    const base = await serve((_request, response) => {
      response.writeHead(302, { location: 'http://127.0.0.1:25/a.mp4' }).end()
    })
    expect((await fetchFile(base)).result).toEqual(final)
  })

  test('a server that goes on breaking off is given up, and may be tried later', async () => {
    let tries = 0
    const base = await serve((_request, response) => void response.destroy(void tries++))
    expect((await fetchFile(base)).result).toMatchObject({ kind: 'unreachable', isTransient: true })
    expect(tries).toBe(5)
  })

  test.each(['/hang', '/drip'])('a server that does no more than %s is given up', async (path) => {
    const base = await serve((request, response) => {
      if (request.url === '/hang') return
      const drip = setInterval(() => response.write('.'), 20)
      response.on('close', () => clearInterval(drip))
    })
    const startedAt = performance.now()
    const { result } = await fetchFile(base + path, { minRate: { bytes: 1024, withinMs: 300 } })
    expect(result).toEqual({ kind: 'unreachable', message: 'less than 1024 bytes in 0.3 s', isTransient: true })
    expect(performance.now() - startedAt).toBeLessThan(5000)
  })

  test('more than is allowed is not read, said or not', async () => {
    const base = await serve((request, response) => {
      if (request.url === '/said') response.setHeader('content-length', 10_000_000_000)
      const pour = () => void (response.destroyed || response.write(CONTENT, () => pour()))
      response.writeHead(200)
      pour()
    })
    const { result, progress } = await fetchFile(`${base}/said`)
    expect([result, progress]).toEqual([{ kind: 'too_large' }, []])
    const { result: endless, path } = await fetchFile(`${base}/endless`)
    expect(endless).toEqual({ kind: 'too_large' })
    expect((await stat(path)).size).toBeLessThanOrEqual(10_000_000)
  })

  test('an abort ends it at once, also while it waits for the next try', async () => {
    const base = await serve((_request, response) => response.writeHead(503).end())
    const abort = new AbortController()
    setTimeout(() => abort.abort(), 100)
    const startedAt = performance.now()
    expect((await fetchFile(base, { signal: abort.signal, retry: { firstMs: 10_000, maxMs: 10_000 } })).result).toEqual(
      { kind: 'aborted' },
    )
    // The next try would be after ten seconds.
    expect(performance.now() - startedAt).toBeLessThan(5000)
  })
})

describe('where private networks are forbidden', () => {
  test.each(['127.0.0.1', '[::1]', 'localhost', '2130706433', hostname()])('%s is not reached', async (host) => {
    let requests = 0
    const base = await serve((_request, response) => void response.end(String(requests++)))
    const url = base.replace('127.0.0.1', host)
    expect((await fetchFile(url, {}, false)).result).toMatchObject({ kind: 'forbidden' })
    expect(requests).toBe(0)
  })
})
