import { mkdir, mkdtemp, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { execFile } from 'node:child_process'

import { assert, nat, oneof, property, string, tuple } from 'fast-check'
import { Hono } from 'hono'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { openStoredFolder } from '../adapters/files/stored-folder.ts'
import { startTestGateway, type TestGateway } from '../testing/test-gateway.ts'
import { parseRange } from './byte-range.ts'
import { mediaRoutes } from './routes.ts'

const TEN = '0123456789'
const BIG = Buffer.alloc(700_000, 'abcdefg')

let dir: string
let gateway: TestGateway

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'media-'))
  const media = join(dir, 'media')
  await mkdir(join(media, 'shows/7'), { recursive: true })
  await mkdir(join(media, '.tallylight/job'), { recursive: true })
  const files = {
    'shows/7/master.m3u8': '#EXTM3U',
    'shows/7/manifest.mpd': '<MPD/>',
    'shows/7/segment_0_000.ts': TEN,
    'shows/7/chunk_0_1.m4s': TEN,
    'shows/7/init_0.m4s': TEN,
    'shows/7/thumbnails.vtt': 'WEBVTT',
    'shows/7/poster.jpg': TEN,
    'shows/7/page.html': '<script>alert(1)</script>',
    'shows/7/empty.mp4': '',
    'shows/7/.hidden.mp4': TEN,
    '.tallylight/job/part.mkv': TEN,
    'a b %26 ü?#.mp4': TEN,
    'x.MP4': TEN,
    'x.M4a': TEN,
    'x.mov': TEN,
    noext: TEN,
    ts: TEN,
    'big.mp4': BIG,
    '../secret.txt': 'secret',
  }
  for (const [name, content] of Object.entries(files)) await writeFile(join(media, name), content)
  await writeFile(join(media, 'long.mp4'), '')
  await truncate(join(media, 'long.mp4'), 100_000_000)
  await symlink(join(dir, 'secret.txt'), join(media, 'link.txt'))
  await symlink(dir, join(media, 'way-out'))
  await symlink(join(media, 'big.mp4'), join(media, 'inner-link.mp4'))
  await promisify(execFile)('mkfifo', [join(media, 'pipe.mp4')])
  gateway = await startTestGateway({
    env: { STORAGE_DIR: media, RATE_LIMIT_READS_PER_MIN: '1' },
  })
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await rm(dir, { recursive: true, force: true })
})

const get = (path: string, headers: Record<string, string> = {}, method = 'GET', signal: AbortSignal | null = null) =>
  fetch(`${gateway.url}/media/${path}`, { method, headers, signal })

/** As it stands: `fetch` would tidy the path up. */
function rawStatus(path: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(gateway.url)
    const asked = request({ hostname, port, path }, (answer) => {
      answer.resume()
      resolve(answer.statusCode)
    })
    asked.on('error', reject).end()
  })
}

/** How many of the stored files this process holds open. */
async function openFiles(): Promise<number> {
  const list = `ls -l /proc/${process.pid}/fd | grep -c ${dir} || true`
  const { stdout } = await promisify(execFile)('sh', ['-c', list])
  return Number(stdout)
}

describe('stored files', () => {
  it.each([
    ['shows/7/master.m3u8', 'application/vnd.apple.mpegurl', 'no-cache'],
    ['shows/7/manifest.mpd', 'application/dash+xml', 'no-cache'],
    ['shows/7/segment_0_000.ts', 'video/mp2t', 'public, max-age=31536000, immutable'],
    ['shows/7/chunk_0_1.m4s', 'video/iso.segment', 'public, max-age=31536000, immutable'],
    ['shows/7/init_0.m4s', 'video/iso.segment', 'public, max-age=31536000, immutable'],
    ['shows/7/thumbnails.vtt', 'text/vtt', 'no-cache'],
    ['shows/7/poster.jpg', 'image/jpeg', 'no-cache'],
    ['big.mp4', 'video/mp4', 'no-cache'],
    ['x.MP4', 'video/mp4', 'no-cache'],
    ['x.M4a', 'audio/mp4', 'no-cache'],
    // A single output is an MP4 file, whatever it is called.
    ['x.mov', 'video/mp4', 'no-cache'],
    ['noext', 'video/mp4', 'no-cache'],
    ['ts', 'video/mp4', 'no-cache'],
    ['shows/7/page.html', 'video/mp4', 'no-cache'],
  ])('are served without a key: %s as %s, %s', async (path, type, caching) => {
    const answer = await get(path)
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-type')).toBe(type)
    expect(answer.headers.get('cache-control')).toBe(caching)
    expect(Number(answer.headers.get('content-length'))).toBe((await answer.arrayBuffer()).byteLength)
  })

  it('come whole, however large, and are not counted as calls of the API', async () => {
    for (let i = 0; i < 3; i++) expect(Buffer.from(await (await get('big.mp4')).arrayBuffer()).equals(BIG)).toBe(true)
  })

  it('may be read by any page, which runs nothing of them', async () => {
    const { headers } = await get('big.mp4', { origin: 'https://player.example' })
    expect(headers.get('access-control-allow-origin')).toBe('*')
    expect(headers.get('access-control-expose-headers')).toBe('ETag, Content-Length, Content-Range')
    expect(headers.get('cross-origin-resource-policy')).toBe('cross-origin')
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('content-security-policy')).toContain('sandbox')
    const preflight = await get('big.mp4', { origin: 'https://x', 'access-control-request-method': 'GET' }, 'OPTIONS')
    expect([preflight.status, preflight.headers.get('access-control-allow-methods')]).toEqual([204, 'GET, HEAD'])
    expect((await get('none.mp4')).headers.get('access-control-allow-origin')).toBe('*')
  })

  it.each([
    ['bytes=0-3', '0123', 'bytes 0-3/10'],
    ['bytes=7-', '789', 'bytes 7-9/10'],
    ['bytes=-2', '89', 'bytes 8-9/10'],
    ['bytes=5-99', '56789', 'bytes 5-9/10'],
    ['bytes=-99', TEN, 'bytes 0-9/10'],
  ])('are given in parts: %s', async (range, text, contentRange) => {
    const answer = await get('shows/7/segment_0_000.ts', { range })
    expect(answer.status).toBe(206)
    expect(answer.headers.get('content-range')).toBe(contentRange)
    expect(answer.headers.get('content-length')).toBe(String(text.length))
    expect(await answer.text()).toBe(text)
  })

  it.each(['bytes=10-', 'bytes=99-100', 'bytes=-0'])('have no part %s', async (range) => {
    const answer = await get('shows/7/segment_0_000.ts', { range })
    expect([answer.status, answer.headers.get('content-range')]).toEqual([416, 'bytes */10'])
  })

  it.each(['bytes=3-1', 'bytes=0-1,4-5', 'items=0-1', 'bytes=x', 'bytes=-'])('come whole for %s', async (range) => {
    const answer = await get('shows/7/segment_0_000.ts', { range })
    expect([answer.status, await answer.text()]).toEqual([200, TEN])
  })

  it('are not sent again to a client that has them; another version is sent', async () => {
    const { headers } = await get('shows/7/master.m3u8')
    const etag = headers.get('etag') ?? ''
    expect(etag).toMatch(/^"[\w-]+"$/)
    for (const known of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
      const answer = await get('shows/7/master.m3u8', { 'if-none-match': known })
      expect([answer.status, await answer.text(), answer.headers.get('etag')]).toEqual([304, '', etag])
    }
    await writeFile(join(dir, 'new'), '#EXTM3U')
    await rename(join(dir, 'new'), join(dir, 'media/shows/7/master.m3u8'))
    const answer = await get('shows/7/master.m3u8', { 'if-none-match': etag })
    expect([answer.status, answer.headers.get('etag') === etag]).toEqual([200, false])
    const stale = await get('shows/7/master.m3u8', { 'if-range': etag, range: 'bytes=0-1' })
    expect([stale.status, await stale.text()]).toEqual([200, '#EXTM3U'])
  })

  it('are saved under a title, with the extension of their kind', async () => {
    const savedAs = async (path: string, init = {}) =>
      (await fetch(`${gateway.url}/media/${path}`, init)).headers.get('content-disposition')
    expect(await savedAs('big.mp4')).toBeNull()
    expect(await savedAs('big.mp4?download=A%20%22show%22%0d%0aX:%20番組')).toBe(
      `attachment; filename="A _show___X_ __.mp4"; filename*=UTF-8''A%20_show___X_%20%E7%95%AA%E7%B5%84.mp4`,
    )
    expect(await savedAs('big.mp4?download=', { headers: { range: 'bytes=0-3' } })).toContain('filename="file.mp4"')
    expect(await savedAs('big.mp4?download=x', { method: 'HEAD' })).toContain('filename="x.mp4"')
    expect(await savedAs('shows/7/page.html?download=x.html')).toContain('filename="x.html.mp4"')
    expect(await savedAs('none.mp4?download=x')).toBeNull()
  })

  it('answer HEAD without their bytes', async () => {
    const answer = await get('big.mp4', {}, 'HEAD')
    expect([answer.status, answer.headers.get('content-length')]).toEqual([200, String(BIG.length)])
    expect(await answer.text()).toBe('')
  })

  it('may be empty, and have any name', async () => {
    const empty = await get('shows/7/empty.mp4')
    expect([empty.status, await empty.text()]).toEqual([200, ''])
    expect(await (await get(encodeURIComponent('a b %26 ü?#.mp4'))).text()).toBe(TEN)
  })

  it.each(['', 'shows', 'shows/', 'shows/7', 'shows/7/', 'none.mp4', 'big.mp4/', 'big.mp4/x', 'x'.repeat(5000)])(
    'are not listed, and what is none is 404: /media/%s',
    async (path) => expect((await get(path)).status).toBe(404),
  )

  it.each([
    '/media/../secret.txt',
    '/media/%2e%2e/secret.txt',
    '/media/shows/..%2f..%2f..%2fsecret.txt',
    '/media/shows%2f7%2fmaster.m3u8',
    '/media/..%5csecret.txt',
    '/media//etc/passwd',
    '/media/%2fetc%2fpasswd',
    '/media/shows//7/master.m3u8',
    '/media/./big.mp4%00',
    '/media/big.mp4%00.jpg',
    '/media/%',
    '/media/%ff',
    '/media/.tallylight/job/part.mkv',
    '/media/%2etallylight/job/part.mkv',
    '/media/shows/7/.hidden.mp4',
    '/media/link.txt',
    '/media/way-out/secret.txt',
    '/media/inner-link.mp4',
    '/media/pipe.mp4',
  ])('lead nowhere else: %s', async (path) => expect(await rawStatus(path)).toBe(404))

  it('are closed at once when their reader leaves, and when they were read to the end', async () => {
    const file = await openStoredFolder(join(dir, 'media')).open(['long.mp4'])
    const body = file?.read(0, file.size - 1)
    const reader = body instanceof ReadableStream ? body.getReader() : null
    expect(reader).not.toBeNull()
    await reader?.read()
    expect(await openFiles()).toBe(1)
    await reader?.cancel()
    expect(await openFiles()).toBe(0)
    await Promise.all([get('big.mp4'), get('big.mp4')].map(async (answer) => (await answer).arrayBuffer()))
    await expect.poll(openFiles).toBe(0)
  })

  it('are closed when a client breaks off', async () => {
    const leaving = new AbortController()
    const asked = Array.from({ length: 5 }, () => get('long.mp4', {}, 'GET', leaving.signal))
    expect((await Promise.all(asked)).every(({ ok }) => ok)).toBe(true)
    expect(await openFiles()).toBe(5)
    leaving.abort()
    await expect.poll(openFiles).toBe(0)
  })

  it('are none where there is no disk', async () => {
    const app = new Hono().route('/', mediaRoutes(null)).onError((error, c) => c.text(error.message, 404))
    expect(await (await app.request('/media/big.mp4')).text()).toBe('there is no such file')
  })
})

describe('a range', () => {
  it('never leads out of its file, whatever is requested', () => {
    const texts = oneof(
      string(),
      tuple(nat(), nat()).map(([a, b]) => `bytes=${a}-${b}`),
    )
    assert(
      property(texts, nat(1000), (header, size) => {
        const range = parseRange(header, size)
        if (range.kind !== 'part') return
        expect(range.start).toBeGreaterThanOrEqual(0)
        expect(range.start).toBeLessThanOrEqual(range.end)
        expect(range.end).toBeLessThan(size)
      }),
    )
  })
})
