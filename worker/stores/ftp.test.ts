import { access, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect, onTestFinished, test, vi } from 'vitest'

import { makeCertificate } from '../../shared/testing/certificate.ts'
import { findFreePort } from '../../shared/testing/free-port.ts'
import { trustCertificate } from '../../shared/testing/trust.ts'
import { WAIT } from '../../shared/testing/until.ts'
import { type FtpDouble, type FtpDoubleOptions, startFtpDouble } from '../testing/ftp-double.ts'
import { listPartialUploads } from '../testing/partial-uploads.ts'
import type { FtpSettings } from './ftp-connection-pool.ts'
import { openFtpStore } from './ftp.ts'
import { createTemporaryName } from './keys.ts'
import { describeStore, SECRET } from './store.conformance.ts'

const HEADERS = { contentType: 'video/mp4', cacheControl: 'no-cache' }
const never = new AbortController().signal

function settingsOf({ port, user, password }: Pick<FtpDouble, 'port' | 'user' | 'password'>): FtpSettings {
  return { host: '127.0.0.1', port, user, password, tls: 'none', folder: 'www/media', publicUrl: null }
}

describeStore('FTP on the double', async () => {
  const server = await startFtpDouble()
  const settings = settingsOf(server)
  const store = openFtpStore(settings)
  return {
    store,
    // The double reports no size for them.
    limitation: 'cannot store empty files',
    unauthorized: openFtpStore({ ...settings, password: SECRET }),
    isArriving: async () => (await listPartialUploads(server.dir)).some(({ bytes }) => bytes > 0),
    partialUploads: async () => (await listPartialUploads(server.dir)).map(({ name }) => name),
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

test('replaces a file on a server that refuses to rename to an existing name', async () => {
  const { dir, store, source, stored } = await createFixture({ refusesToReplace: true })
  await store.put('a/b', source, HEADERS, never)
  await writeFile(join(dir, 'second'), 'second')
  await store.put('a/b', join(dir, 'second'), HEADERS, never)
  expect(await stored('a/b')).toBe('second')
})

test('stores all files on a server that allows fewer connections than there are files', async () => {
  const { store, server, source } = await createFixture({ maxConnections: 2 })
  // Both connections are open before the other puts start.
  await Promise.all(['1', '2'].map((key) => store.put(`a/${key}`, source, HEADERS, never)))
  const keys = Array.from({ length: 10 }, (_, i) => `a/many-${i}`)
  await Promise.all(keys.map((key) => store.put(key, source, HEADERS, new AbortController().signal)))
  expect(await store.list('a/', never)).toHaveLength(12)
  expect(server.mostConnections()).toBe(2)
})

test('reuses a connection, and opens another where the server has closed it', async () => {
  const { store, server, source } = await createFixture()
  await store.put('a/1', source, HEADERS, never)
  await store.put('a/2', source, HEADERS, never)
  expect(server.mostConnections()).toBe(1)
  await server.closeConnections()
  await vi.waitFor(() => store.put('a/3', source, HEADERS, never), WAIT)
  expect(await store.list('a/', never)).toHaveLength(3)
})

test('an upload whose connection breaks is a transient failure that leaves nothing', async () => {
  const { dir, server, store } = await createFixture()
  const big = join(dir, 'big')
  await writeFile(big, '')
  await truncate(big, 1024 ** 3)
  const failure = store.put('a/big', big, HEADERS, never).catch((error: unknown) => error)
  await vi.waitFor(async () => expect((await listPartialUploads(server.dir)).length).toBe(1), { ...WAIT, interval: 5 })
  await server.closeConnections()
  expect(await failure).toMatchObject({ code: 'STORE_UNAVAILABLE', isTransient: true })
  expect(await readdir(join(server.dir, 'www', 'media'))).toEqual([])
})

test('a truncated upload fails and leaves nothing, even where the server reports success', async () => {
  const { server, store, source } = await createFixture({ keepsBytes: 3 }, { folder: '' })
  const call = store.put('source', source, HEADERS, never)
  await expect(call).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', isTransient: true })
  expect(await readdir(server.dir)).toEqual([])
})

test('removes the partial uploads of a removed file, and the folders that become empty', async () => {
  const { server, store, source } = await createFixture()
  await store.put('a/b/c', source, HEADERS, never)
  const folder = join(server.dir, 'www', 'media', 'a', 'b')
  await writeFile(join(folder, createTemporaryName('c')), 'half')
  await writeFile(join(folder, '.0123456789abcdef.0123456789abcdef.part'), 'of another file')
  await store.remove(['a/b/c'], never)
  expect(await readdir(folder)).toEqual(['.0123456789abcdef.0123456789abcdef.part'])
  await store.removeFolder('a/b/', never)
  await expect(access(join(server.dir, 'www', 'media', 'a'))).rejects.toThrow('ENOENT')
})

test('a refused removal is a failure', async () => {
  const { store, source } = await createFixture({ refusesToRemove: true })
  await store.put('a/kept', source, HEADERS, never)
  await expect(store.remove(['a/kept'], never)).rejects.toMatchObject({ code: 'STORE_REFUSED' })
  await expect(store.removeFolder('a/', never)).rejects.toMatchObject({ code: 'STORE_REFUSED' })
})

test.each(['explicit', 'implicit'] as const)(
  'uses FTPS (%s) with a server whose certificate it trusts',
  async (tls) => {
    const certificate = makeCertificate()
    trustCertificate(certificate)
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

test('an unreachable server is a transient failure', async () => {
  const port = await findFreePort()
  const store = openFtpStore(settingsOf({ port, user: 'a', password: 'b' }))
  const call = store.list('a/', never)
  await expect(call).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', isTransient: true })
})

test.each([
  [{}, 'ftp://127.0.0.1:2121/www/media/a%20b'],
  [{ port: 21, folder: '/srv/www/' }, 'ftp://127.0.0.1/srv/www/a%20b'],
  [{ tls: 'implicit', port: 990, folder: '' }, 'ftps://127.0.0.1/a%20b'],
  [{ publicUrl: 'https://cdn.example/x/' }, 'https://cdn.example/x/a%20b'],
] as const)('returns the URL of a file for the settings %j', (more, url) => {
  const settings = { ...settingsOf({ port: 2121, user: 'a', password: 'b' }), ...more }
  expect(openFtpStore(settings).urlOf('a b')).toBe(url)
})
