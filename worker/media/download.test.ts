import { createHash, randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { hostname, tmpdir } from 'node:os'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

import { describe, expect, onTestFinished, test } from 'vitest'

import { PATIENCE_MS } from '../../shared/testing/until.ts'
import { startLocalServer } from '../../shared/testing/local-server.ts'
import { downloadFile, type FileDownloadResult, type FileDownloadOptions } from './download.ts'
import { createFetcher } from '../platform/http.ts'

const CONTENT = randomBytes(3_000_000)

async function serve(handle: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = await startLocalServer(async (request, response) => handle(request, response))
  onTestFinished(() => server[Symbol.asyncDispose]())
  return server.origin
}

type TestDownload = {
  readonly result: FileDownloadResult
  readonly path: string
  readonly progress: (readonly [number, number | null])[]
}

async function fetchFile(
  url: string,
  changed: Partial<FileDownloadOptions> = {},
  allowPrivate = true,
): Promise<TestDownload> {
  const dir = await mkdtemp(join(tmpdir(), 'tallylight-download-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  await using fetcher = createFetcher({
    policy: { allowPrivateNetworks: allowPrivate },
    proxies: { http: null, https: null, bypass: null },
  })
  const path = join(dir, 'input')
  const progress: [number, number | null][] = []
  const result = await downloadFile(url, {
    fetcher,
    path,
    maxBytes: 10_000_000,
    minRate: { bytes: 1024, withinMs: PATIENCE_MS },
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

/** Sends the content from the requested offset, and closes the connection after `maxBytes`. */
function sendFrom(request: IncomingMessage, response: ServerResponse, maxBytes: number): void {
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
  const rest = CONTENT.subarray(from)
  if (from > 0) response.setHeader('content-range', `bytes ${from}-${CONTENT.length - 1}/${CONTENT.length}`)
  response.writeHead(from > 0 ? 206 : 200, { 'content-length': rest.length, etag: '"one"' })
  if (rest.length <= maxBytes) response.end(rest)
  else response.write(rest.subarray(0, maxBytes), () => setTimeout(() => response.destroy(), 20))
}

describe('a download', () => {
  test('stores the whole file, follows redirects, and reports its progress', async () => {
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

  test('continues where the connection broke, if the file is unchanged', async () => {
    const requests: unknown[] = []
    const base = await serve((request, response) => {
      requests.push([request.headers.range !== undefined, request.headers['if-range']])
      sendFrom(request, response, 1_200_000)
    })
    const { result, path } = await fetchFile(base)
    expect(result).toEqual({ kind: 'ok', bytes: CONTENT.length })
    expect(digest(await readFile(path))).toBe(digest(CONTENT))
    expect(requests).toEqual([
      [false, undefined],
      [true, '"one"'],
      [true, '"one"'],
    ])
  })

  test('begins again where the file has changed, or the server ignores range requests', async () => {
    let attempts = 0
    const base = await serve((_request, response) => {
      attempts++
      if (attempts > 1) return void response.writeHead(200, { etag: '"two"' }).end('another file')
      response.writeHead(200, { 'content-length': 5000, etag: '"one"' })
      response.write('x'.repeat(3000), () => setTimeout(() => response.destroy(), 20))
    })
    const { result, path } = await fetchFile(base)
    expect(result).toEqual({ kind: 'ok', bytes: 12 })
    expect(await readFile(path, 'utf8')).toBe('another file')
  })

  test('begins again where the server sends a part that was not requested', async () => {
    let attempts = 0
    const base = await serve((request, response) => {
      attempts++
      if (attempts !== 2) return sendFrom(request, response, attempts === 1 ? 2_000_000 : Infinity)
      response.writeHead(206, { 'content-range': `bytes 7-${CONTENT.length - 1}/${CONTENT.length}` }).end('wrong')
    })
    const { result, path } = await fetchFile(base)
    expect(result).toMatchObject({ kind: 'ok' })
    expect(digest(await readFile(path))).toBe(digest(CONTENT))
  })

  test('accepts a whole file that is sent as a part, and begins again after 416 for a file that has become shorter', async () => {
    const whole = { 'content-range': 'bytes 0-4/5', 'content-length': 5, etag: '"two"' }
    let attempts = 0
    const base = await serve((request, response) => {
      attempts++
      if (attempts > 1)
        return void (request.headers.range
          ? response.writeHead(416).end()
          : response.writeHead(206, whole).end('whole'))
      response.writeHead(200, { 'content-length': 5000, etag: '"one"' })
      response.write('x'.repeat(3000), () => setTimeout(() => response.destroy(), 20))
    })
    const { result, path } = await fetchFile(base)
    expect(result).toEqual({ kind: 'ok', bytes: 5 })
    expect([await readFile(path, 'utf8'), attempts]).toEqual(['whole', 3])
  })

  test('is retried after a server error', async () => {
    let attempts = 0
    const base = await serve((_request, response) => response.writeHead(++attempts < 3 ? 503 : 200).end('late'))
    expect((await fetchFile(base)).result).toEqual({ kind: 'ok', bytes: 4 })
  })

  test('decompresses a body that is compressed despite the request', async () => {
    const packed = gzipSync('hello')
    const base = await serve((_request, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': packed.length }).end(packed),
    )
    const { result, path } = await fetchFile(base)
    expect([result.kind, await readFile(path, 'utf8')]).toEqual(['ok', 'hello'])
  })
})

describe('a failed download', () => {
  test.each([404, 410, 403, 401, 204])('with HTTP %d is final', async (status) => {
    let attempts = 0
    const base = await serve((_request, response) => void response.writeHead(status).end(void attempts++))
    expect((await fetchFile(base)).result).toEqual({
      kind: 'unreachable',
      message: `HTTP ${status}`,
      isTransient: false,
    })
    expect(attempts).toBe(1)
  })

  test.each([
    ['endless redirects', 302, { location: '/again' }, 21],
    ['a redirect to an invalid URL', 302, { location: 'http://[' }, 1],
    ['416 without a range request', 416, {}, 1],
    ['a part without a range request', 206, { 'content-range': 'bytes 0-2/3000' }, 1],
    ['a part without a content-range', 206, {}, 1],
  ])('with %s is final', async (_what, status, headers, requests) => {
    let attempts = 0
    const base = await serve((_request, response) => void response.writeHead(status, headers).end(`${attempts++}.`))
    expect((await fetchFile(base)).result).toMatchObject({ kind: 'unreachable', isTransient: false })
    expect(attempts).toBe(requests)
  })

  test('for an unknown name is final', async () => {
    expect((await fetchFile('http://nobody.invalid/')).result).toMatchObject({ kind: 'unreachable' })
  })

  test('for a port that fetch refuses is final', async () => {
    const message = 'files cannot be fetched from this port (bad port)'
    const final = { kind: 'unreachable', message, isTransient: false }
    expect((await fetchFile('http://127.0.0.1:9/a.mp4')).result).toEqual(final)
    const base = await serve((_request, response) => {
      response.writeHead(302, { location: 'http://127.0.0.1:25/a.mp4' }).end()
    })
    expect((await fetchFile(base)).result).toEqual(final)
  })

  test('is transient after five interrupted attempts', async () => {
    let attempts = 0
    const base = await serve((_request, response) => void response.destroy(void attempts++))
    expect((await fetchFile(base)).result).toMatchObject({ kind: 'unreachable', isTransient: true })
    expect(attempts).toBe(5)
  })

  test.each(['/hang', '/drip'])('ends where the server is slower than the minimum rate: %s', async (path) => {
    const base = await serve((request, response) => {
      if (request.url === '/hang') return
      const drip = setInterval(() => response.write('.'), 20)
      response.on('close', () => clearInterval(drip))
    })
    const { result } = await fetchFile(base + path, { minRate: { bytes: 1024, withinMs: 300 } })
    expect(result).toEqual({ kind: 'unreachable', message: 'less than 1024 bytes in 0.3 s', isTransient: true })
  })

  test('reads no more than the limit, whether the server reports the length or not', async () => {
    const base = await serve((request, response) => {
      if (request.url === '/declared') response.setHeader('content-length', 10_000_000_000)
      const pour = () => void response.write(CONTENT, (error) => void (error ?? pour()))
      response.writeHead(200)
      pour()
    })
    const { result, progress } = await fetchFile(`${base}/declared`)
    expect([result, progress]).toEqual([{ kind: 'too_large' }, []])
    const { result: endless, path } = await fetchFile(`${base}/endless`)
    expect(endless).toEqual({ kind: 'too_large' })
    expect((await stat(path)).size).toBeLessThanOrEqual(10_000_000)
  })

  test('ends at once on an abort, also while it waits for the next attempt', async () => {
    const base = await serve((_request, response) => response.writeHead(503).end())
    const abort = new AbortController()
    setTimeout(() => abort.abort(), 100)
    const inAnHour = { firstMs: 3_600_000, maxMs: 3_600_000 }
    expect((await fetchFile(base, { signal: abort.signal, retry: inAnHour })).result).toEqual({ kind: 'aborted' })
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
