import { randomBytes } from 'node:crypto'
import { access, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'

import { type Store, StoreError } from './store.ts'
import { WAIT } from '../../shared/testing/until.ts'

/** A store, and a view of the server behind it. */
export type StoreUnderTest = AsyncDisposable & {
  readonly store: Store
  /** Returns whether the server has received a part of a put that is in progress. */
  isArriving(): Promise<boolean>
  /** Returns the names of what interrupted puts have left. */
  partialUploads(): Promise<readonly string[]>
  /** A known limitation of the server. */
  readonly limitation?: 'cannot store empty files'
  /** The store opened with `SECRET` as its password or key; `null` where it needs none. */
  readonly unauthorized: Store | null
}

const HEADERS = { contentType: 'video/mp4', cacheControl: 'no-cache' }

/** Above every limit for an upload in one piece, and not a whole number of parts. */
const BIG_BYTES = 40 * 1024 * 1024 + 7

/** Size of a sparse file, whose upload takes long enough to be aborted midway. */
const HUGE_BYTES = 1024 * 1024 * 1024

const UNICODE = 'Ordner mit Leerzeichen/日本語 🎬/a+b&c=d%20#1 [x] {y}*.mp4'

const INVALID_KEYS = [
  '',
  '/a',
  'a/',
  'a//b',
  '../a',
  'a/../b',
  'a/./b',
  '.',
  'a\nb',
  'a\u0000b',
  'a\\b',
  'x'.repeat(1025),
]

/** Declares the tests that every store must pass. */
export function describeStore(title: string, start: () => Promise<StoreUnderTest>): void {
  describe(`a store of ${title}`, () => {
    let subject: StoreUnderTest
    let dir: string
    const never = new AbortController().signal

    beforeAll(async () => {
      subject = await start()
      dir = await mkdtemp(join(tmpdir(), 'store-test-'))
    })
    afterAll(async () => {
      await subject[Symbol.asyncDispose]()
      await rm(dir, { recursive: true, force: true })
    })

    async function fileOf(content: string | Uint8Array): Promise<string> {
      const path = join(dir, randomBytes(8).toString('hex'))
      await writeFile(path, content)
      return path
    }
    async function put(key: string, content: string | Uint8Array): Promise<void> {
      onTestFinished(() => subject.store.remove([key], never))
      await subject.store.put(key, await fileOf(content), HEADERS, never)
    }
    async function read(key: string): Promise<Buffer> {
      const path = join(dir, randomBytes(8).toString('hex'))
      await subject.store.get(key, path, never)
      return readFile(path)
    }
    const text = async (key: string) => (await read(key)).toString()
    const codeOf = async (call: Promise<unknown>) => {
      const error = await call.then(
        () => null,
        (reason: unknown) => reason,
      )
      expect(error).toBeInstanceOf(StoreError)
      return error instanceof StoreError ? error.code : null
    }

    test('returns the content of a stored file', async () => {
      await put('out/a.mp4', 'first')
      expect(await text('out/a.mp4')).toBe('first')
    })

    test('replaces an existing file', async () => {
      await put('out/a.mp4', 'first, and longer')
      await put('out/a.mp4', 'second')
      expect(await text('out/a.mp4')).toBe('second')
      expect(await subject.store.list('out/', never)).toEqual(['out/a.mp4'])
    })

    test('stores an empty file', async ({ skip }) => {
      if (subject.limitation === 'cannot store empty files') skip(subject.limitation)
      await put('out/empty', '')
      expect(await text('out/empty')).toBe('')
    })

    test('accepts keys with spaces, other scripts, and characters of URLs and patterns', async () => {
      await put(UNICODE, 'odd')
      expect(await text(UNICODE)).toBe('odd')
      expect(await subject.store.list('Ordner mit Leerzeichen/', never)).toEqual([UNICODE])
      await subject.store.remove([UNICODE], never)
      expect(await subject.store.list('Ordner mit Leerzeichen/', never)).toEqual([])
    })

    test('accepts the longest name of a file system', async () => {
      const key = `out/${'n'.repeat(255)}`
      await put(key, 'long')
      expect(await text(key)).toBe('long')
    })

    test('returns a large file unchanged', async () => {
      const bytes = randomBytes(BIG_BYTES)
      await put('big/file.mp4', bytes)
      expect(Buffer.compare(await read('big/file.mp4'), bytes)).toBe(0)
    })

    test('stores many files concurrently, and lists all of them, including those in subfolders', async () => {
      const keys = Array.from({ length: 40 }, (_, i) => `many/${i % 3}/file-${i}`)
      const path = await fileOf('x')
      await Promise.all(keys.map((key) => subject.store.put(key, path, HEADERS, new AbortController().signal)))
      expect([...(await subject.store.list('many/', never))].toSorted()).toEqual(keys.toSorted())
      await subject.store.remove(keys, never)
      expect(await subject.store.list('many/', never)).toEqual([])
    })

    test('does not list a folder whose name has the requested one as a prefix', async () => {
      await put('out/a', '1')
      await put('outer/b', '2')
      expect(await subject.store.list('out/', never)).toEqual(['out/a'])
      expect(await subject.store.list('nothing/here/', never)).toEqual([])
    })

    test('removes the keys and nothing else; missing keys are no failure', async () => {
      await put('out/a', '1')
      await put('out/ab', '2')
      await subject.store.remove(['out/a', 'out/never', 'nowhere/x'], never)
      expect(await subject.store.list('out/', never)).toEqual(['out/ab'])
    })

    test('removes a folder with all below it, and no other; a repetition is no failure', async () => {
      await put('parts/1/a', '1')
      await put('parts/1/deep/b', '2')
      await put('parts/10/c', '3')
      await subject.store.removeFolder('parts/1/', never)
      await subject.store.removeFolder('parts/1/', never)
      expect(await subject.store.list('parts/', never)).toEqual(['parts/10/c'])
    })

    test('fails with STORE_NOT_FOUND for a missing key, and leaves no local file', async () => {
      const path = join(dir, 'nothing')
      expect(await codeOf(subject.store.get('out/never', path, never))).toBe('STORE_NOT_FOUND')
      await expect(access(path)).rejects.toThrow('ENOENT')
    })

    test('refuses a local file that does not exist or cannot be read, and leaves nothing', async () => {
      const call = subject.store.put('out/none', join(dir, 'never-written'), HEADERS, never)
      expect(['STORE_REFUSED', 'STORE_NOT_FOUND']).toContain(await codeOf(call))
      expect(await codeOf(subject.store.put('out/folder', dir, HEADERS, never))).toBe('STORE_REFUSED')
      expect(await subject.store.list('out/', never)).toEqual([])
    })

    test.each(INVALID_KEYS)('refuses the key %j in every call', async (key) => {
      const path = await fileOf('x')
      expect(await codeOf(subject.store.put(key, path, HEADERS, never))).toBe('STORE_REFUSED')
      expect(await codeOf(subject.store.get(key, join(dir, 'x'), never))).toBe('STORE_REFUSED')
      expect(await codeOf(subject.store.remove([key], never))).toBe('STORE_REFUSED')
      expect(await codeOf(subject.store.removeFolder(`${key}/`, never))).toBe('STORE_REFUSED')
    })

    test('leaves nothing of a put that is aborted midway, and keeps the existing file', async () => {
      await put('cut/a.mp4', 'before')
      const path = await fileOf('')
      await truncate(path, HUGE_BYTES)
      const abort = new AbortController()
      const aborted = codeOf(subject.store.put('cut/a.mp4', path, HEADERS, abort.signal))
      await vi.waitFor(async () => expect(await subject.isArriving()).toBe(true), { ...WAIT, interval: 5 })
      abort.abort()
      expect(await aborted).toBe('ABORTED')
      expect(await text('cut/a.mp4')).toBe('before')
      expect(await subject.store.list('cut/', never)).toEqual(['cut/a.mp4'])
      expect(await subject.partialUploads()).toEqual([])
    })

    test('does nothing where the signal has aborted before', async () => {
      const path = await fileOf('x')
      const calls = [
        subject.store.put('out/a', path, HEADERS, AbortSignal.abort()),
        subject.store.get('out/a', path, AbortSignal.abort()),
        subject.store.remove(['out/a'], AbortSignal.abort()),
        subject.store.removeFolder('out/', AbortSignal.abort()),
        subject.store.list('out/', AbortSignal.abort()),
      ]
      expect(await Promise.all(calls.map(codeOf))).toEqual(calls.map(() => 'ABORTED'))
      expect(await subject.store.list('out/', never)).toEqual([])
    })

    test('reports a failed login by its code, without the secret', async () => {
      const path = await fileOf('x')
      const failure = await subject.unauthorized?.put('out/a', path, HEADERS, never).catch((error: unknown) => error)
      if (subject.unauthorized === null) return
      expect(failure).toMatchObject({ code: 'STORE_REFUSED', isTransient: false })
      expect(String(failure)).not.toContain(SECRET)
    })

    test('returns a URL with an escaped key', () => {
      const url = new URL(subject.store.urlOf(UNICODE))
      expect(decodeURIComponent(url.pathname).endsWith(`/${UNICODE}`)).toBe(true)
      expect(url.search + url.hash + url.username).toBe('')
    })
  })
}

/** The wrong password or key of `StoreUnderTest.unauthorized`. */
export const SECRET = 'hush-hush-secret'
