import { mkdir, mkdtemp, readdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect, onTestFinished, test, vi } from 'vitest'

import { mountSmallDisk } from '../../shared/testing/small-disk.ts'
import { WAIT } from '../../shared/testing/until.ts'
import { listPartialUploads } from '../testing/partial-uploads.ts'
import { openLocalStore } from './local.ts'
import { describeStore } from './store.conformance.ts'

const HEADERS = { contentType: 'video/mp4', cacheControl: 'no-cache' }
const never = new AbortController().signal

describeStore('local files', async () => {
  const base = await mkdtemp(join(tmpdir(), 'local-store-'))
  const dir = join(base, 'made', 'when', 'needed')
  await mkdir(dir, { recursive: true })
  return {
    store: openLocalStore({ dir, url: 'http://127.0.0.1/media' }),
    unauthorized: null,
    isArriving: async () => (await listPartialUploads(dir)).some(({ bytes }) => bytes > 0),
    partialUploads: async () => (await listPartialUploads(dir)).map(({ name }) => name),
    [Symbol.asyncDispose]: () => rm(base, { recursive: true, force: true }),
  }
})

async function createFixture() {
  const base = await mkdtemp(join(tmpdir(), 'local-store-'))
  onTestFinished(() => rm(base, { recursive: true, force: true }))
  const dir = join(base, 'store')
  const source = join(base, 'source')
  await writeFile(source, 'content')
  return { base, dir, source, store: openLocalStore({ dir, url: 'http://127.0.0.1/media/' }) }
}

test('returns the URL at which the gateway serves a file', async () => {
  const { store } = await createFixture()
  expect(store.urlOf('shows/a b/ü.mp4')).toBe('http://127.0.0.1/media/shows/a%20b/%C3%BC.mp4')
})

test('never follows a link out of its folder, in any call', async () => {
  const { base, dir, source, store } = await createFixture()
  const outside = join(base, 'outside')
  await mkdir(join(outside, 'deep'), { recursive: true })
  await writeFile(join(outside, 'deep', 'kept'), 'kept')
  await mkdir(dir)
  await symlink(outside, join(dir, 'link'))
  await symlink(join(outside, 'deep', 'kept'), join(dir, 'file'))
  await expect(store.put('link/new', source, HEADERS, never)).rejects.toMatchObject({ code: 'STORE_REFUSED' })
  await expect(store.get('link/deep/kept', join(base, 'got'), never)).rejects.toMatchObject({ code: 'STORE_NOT_FOUND' })
  await expect(store.get('file', join(base, 'got'), never)).rejects.toMatchObject({ code: 'STORE_NOT_FOUND' })
  expect(await store.list('link/', never)).toEqual([])
  await store.remove(['link/deep/kept'], never)
  await store.removeFolder('link/', never)
  await store.removeFolder('link/deep/', never)
  expect(await readdir(outside, { recursive: true })).toEqual(['deep', 'deep/kept'])
})

test('a file that replaces a link does not change the link’s target', async () => {
  const { base, dir, source, store } = await createFixture()
  await mkdir(dir)
  await writeFile(join(base, 'kept'), 'kept')
  await symlink(join(base, 'kept'), join(dir, 'a'))
  await store.put('a', source, HEADERS, never)
  expect([await readFile(join(base, 'kept'), 'utf8'), await readFile(join(dir, 'a'), 'utf8')]).toEqual([
    'kept',
    'content',
  ])
})

test('removes the folders that become empty, but no folder with other files', async () => {
  const { dir, source, store } = await createFixture()
  await store.put('a/b/c/1', source, HEADERS, never)
  await store.put('a/2', source, HEADERS, never)
  await writeFile(join(dir, 'a', 'b', 'c', 'foreign'), '')
  await store.remove(['a/b/c/1'], never)
  expect((await readdir(dir, { recursive: true })).toSorted()).toEqual(['a', 'a/2', 'a/b', 'a/b/c', 'a/b/c/foreign'])
  await store.remove(['a/2', 'a/b/c/foreign'], never)
  expect(await readdir(dir)).toEqual([])
})

test('a put succeeds while a concurrent call removes its folder as empty', async () => {
  const { source, store } = await createFixture()
  const inTurns = async (name: string) => {
    for (let round = 0; round < 60; round++) {
      await store.put(`same/folder/${name}`, source, HEADERS, never)
      await store.remove([`same/folder/${name}`], never)
    }
  }
  await Promise.all(['1', '2', '3'].map(inTurns))
  expect(await store.list('same/', never)).toEqual([])
})

test('an aborted put stops writing', async () => {
  const { base, dir, store } = await createFixture()
  await mkdir(dir)
  const big = join(base, 'big')
  await writeFile(big, '')
  await truncate(big, 1024 ** 3)
  const before = await writtenBytes()
  const abort = new AbortController()
  const failure = store.put('a/big', big, HEADERS, abort.signal).catch((error: unknown) => error)
  await vi.waitFor(async () => expect(await listPartialUploads(dir)).toHaveLength(1), { ...WAIT, interval: 1 })
  abort.abort()
  expect(await failure).toMatchObject({ code: 'ABORTED' })
  expect((await writtenBytes()) - before).toBeLessThan(512 * 1024 ** 2)
})

/** Returns the bytes that this process has written so far (Linux). */
async function writtenBytes(): Promise<number> {
  return Number(/^wchar: (\d+)$/m.exec(await readFile('/proc/self/io', 'utf8'))?.[1])
}

test('a full disk is reported as ENOSPC; the partial file is removed, and the existing file stays', async ({
  skip,
}) => {
  const { base, dir, store } = await createFixture()
  await using disk = await mountSmallDisk(dir, 'size=1m')
  if (disk === null) skip('only root can mount a disk')
  const big = join(base, 'big')
  await writeFile(big, Buffer.alloc(3 * 1024 * 1024))
  const small = join(base, 'source')
  await store.put('a/small', small, HEADERS, never)
  await expect(store.put('a/big', big, HEADERS, never)).rejects.toMatchObject({ code: 'ENOSPC', isTransient: false })
  await expect(store.put('a/small', big, HEADERS, never)).rejects.toMatchObject({ code: 'ENOSPC' })
  expect((await readdir(dir, { recursive: true })).toSorted()).toEqual(['a', 'a/small'])
  expect(await readFile(join(dir, 'a', 'small'), 'utf8')).toBe('content')
})
