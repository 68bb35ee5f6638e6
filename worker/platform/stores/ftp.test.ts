import { access, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect, onTestFinished, test, vi } from 'vitest'

import { makeCertificate } from '../../testing/certificate.ts'
import { freePort } from '../../testing/free-port.ts'
import { type FtpDouble, type FtpDoubleOptions, startFtpDouble } from '../../testing/ftp-double.ts'
import { storedParts } from '../../testing/stored-parts.ts'
import { trust } from '../../testing/trust.ts'
import type { FtpSettings } from './ftp-connections.ts'
import { openFtpStore } from './ftp.ts'
import { describeStore, SECRET } from './store.conformance.ts'
import { temporaryNameOf } from './store.ts'

const HEADERS = { contentType: 'video/mp4', cacheControl: 'no-cache' }
const never = new AbortController().signal

function settingsOf({ port, user, password }: Pick<FtpDouble, 'port' | 'user' | 'password'>): FtpSettings {
  return { host: '127.0.0.1', port, user, password, tls: 'none', folder: 'www/media', publicUrl: null }
}

describeStore('FTP, by the double', async () => {
  const server = await startFtpDouble()
  const settings = settingsOf(server)
  const store = openFtpStore(settings)
  return {
    store,
    // It tells no size of them.
    cannot: 'hold empty files',
    refused: openFtpStore({ ...settings, password: SECRET }),
    isArriving: async () => (await storedParts(server.dir)).some(({ bytes }) => bytes > 0),
    leftovers: async () => (await storedParts(server.dir)).map(({ name }) => name),
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    },
  }
})

async function createFixture(options: FtpDoubleOptions = {}, more: Partial<FtpSettings> = {}) {
  const dir = await mkdtemp(join(tmpdir(), 'ftp-store-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  const server = await startFtpDouble(options)
  onTestFinished(() => server[Symbol.asyncDispose]())
  const store = openFtpStore({ ...settingsOf(server), ...more })
  onTestFinished(() => store[Symbol.asyncDispose]())
  const source = join(dir, 'source')
  await writeFile(source, 'content')
  const stored = (key: string) => readFile(join(server.dir, 'www', 'media', key), 'utf8')
  return { dir, server, store, source, stored }
}

test('replaces a file on a server that does not rename onto one that is there', async () => {
  const { dir, store, source, stored } = await createFixture({ refusesToReplace: true })
  await store.put('a/b', source, HEADERS, never)
  await writeFile(join(dir, 'second'), 'second')
  await store.put('a/b', join(dir, 'second'), HEADERS, never)
  expect(await stored('a/b')).toBe('second')
})

test('gets all files through a server that takes fewer connections than there are files', async () => {
  const { store, server, source } = await createFixture({ maxConnections: 2 })
  // Two are open before the rest come.
  await Promise.all(['1', '2'].map((key) => store.put(`a/${key}`, source, HEADERS, never)))
  const keys = Array.from({ length: 10 }, (_, i) => `a/many-${i}`)
  await Promise.all(keys.map((key) => store.put(key, source, HEADERS, new AbortController().signal)))
  expect(await store.list('a/', never)).toHaveLength(12)
  expect(server.mostConnections()).toBe(2)
})

test('uses a connection again, and opens another where the server has closed it', async () => {
  const { store, server, source } = await createFixture()
  await store.put('a/1', source, HEADERS, never)
  await store.put('a/2', source, HEADERS, never)
  expect(server.mostConnections()).toBe(1)
  await server.closeConnections()
  await vi.waitFor(() => store.put('a/3', source, HEADERS, never))
  expect(await store.list('a/', never)).toHaveLength(3)
})

test('an upload whose connection breaks is a passing failure that leaves nothing', async () => {
  const { dir, server, store } = await createFixture()
  const big = join(dir, 'big')
  await writeFile(big, '')
  await truncate(big, 1024 ** 3)
  const failure = store.put('a/big', big, HEADERS, never).catch((error: unknown) => error)
  await vi.waitFor(async () => expect((await storedParts(server.dir)).length).toBe(1), { interval: 5 })
  await server.closeConnections()
  expect(await failure).toMatchObject({ code: 'STORE_UNAVAILABLE', isTransient: true })
  expect(await readdir(join(server.dir, 'www', 'media'))).toEqual([])
})

test('a file of which not all has arrived is none, whatever the server says of it', async () => {
  const { server, store, source } = await createFixture({ keepsBytes: 3 }, { folder: '' })
  const call = store.put('source', source, HEADERS, never)
  await expect(call).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', isTransient: true })
  expect(await readdir(server.dir)).toEqual([])
})

test('what a killed worker has left beside a file goes with it, and folders that get empty too', async () => {
  const { server, store, source } = await createFixture()
  await store.put('a/b/c', source, HEADERS, never)
  const folder = join(server.dir, 'www', 'media', 'a', 'b')
  await writeFile(join(folder, temporaryNameOf('c')), 'half')
  await writeFile(join(folder, '.0123456789abcdef.0123456789abcdef.part'), 'of another file')
  await store.remove(['a/b/c'], never)
  expect(await readdir(folder)).toEqual(['.0123456789abcdef.0123456789abcdef.part'])
  await store.clear('a/b/', never)
  await expect(access(join(server.dir, 'www', 'media', 'a'))).rejects.toThrow('ENOENT')
})

test('a file that may not be removed is told', async () => {
  const { store, source } = await createFixture({ refusesToRemove: true })
  await store.put('a/kept', source, HEADERS, never)
  await expect(store.remove(['a/kept'], never)).rejects.toMatchObject({ code: 'STORE_REFUSED' })
  await expect(store.clear('a/', never)).rejects.toMatchObject({ code: 'STORE_REFUSED' })
})

test.each(['explicit', 'implicit'] as const)(
  'speaks FTPS (%s) with a server whose certificate it trusts',
  async (tls) => {
    const certificate = makeCertificate()
    trust(certificate)
    onTestFinished(() => void vi.restoreAllMocks())
    const { store, source, stored } = await createFixture(
      { tls: { ...certificate, isImplicit: tls === 'implicit' } },
      { tls },
    )
    await store.put('a/b', source, HEADERS, never)
    expect(await stored('a/b')).toBe('content')
  },
)

test('sends no password to a server whose certificate it does not trust', async () => {
  const { store, server, source } = await createFixture(
    { tls: { ...makeCertificate(), isImplicit: false } },
    { tls: 'explicit' },
  )
  const call = store.put('a/b', source, HEADERS, never)
  await expect(call).rejects.toMatchObject({ code: 'STORE_REFUSED', isTransient: false })
  expect(server.mostConnections()).toBe(0)
})

test('a server that is not there is a passing failure', async () => {
  const port = await freePort()
  const store = openFtpStore(settingsOf({ port, user: 'a', password: 'b' }))
  const call = store.list('a/', never)
  await expect(call).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', isTransient: true })
})

test.each([
  [{}, 'ftp://127.0.0.1:2121/www/media/a%20b'],
  [{ port: 21, folder: '/srv/www/' }, 'ftp://127.0.0.1/srv/www/a%20b'],
  [{ tls: 'implicit', port: 990, folder: '' }, 'ftps://127.0.0.1/a%20b'],
  [{ publicUrl: 'https://cdn.example/x/' }, 'https://cdn.example/x/a%20b'],
] as const)('names the URL of a file by the settings %j', (more, url) => {
  const settings = { ...settingsOf({ port: 2121, user: 'a', password: 'b' }), ...more }
  expect(openFtpStore(settings).urlOf('a b')).toBe(url)
})
