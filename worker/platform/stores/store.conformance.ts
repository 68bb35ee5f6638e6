import { randomBytes } from 'node:crypto'
import { access, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'

import { type Store, StoreError } from './store.ts'

/** A store with what lies behind it, seen from the other side. */
export type Surroundings = AsyncDisposable & {
  readonly store: Store
  /** Whether some of a put has arrived that goes on. */
  isArriving(): Promise<boolean>
  /** Names of all that broken-off puts have left. */
  leftovers(): Promise<readonly string[]>
  /** What the server behind it is known to be unable to. */
  readonly cannot?: 'hold empty files'
  /** The same with `SECRET` for a password or key; `null`: it has none. */
  readonly refused: Store | null
}

const HEADERS = { contentType: 'video/mp4', cacheControl: 'no-cache' }

/** More than goes up in one piece anywhere; not a whole number of parts. */
const BIG_BYTES = 40 * 1024 * 1024 + 7

/** Sparse, so that it takes no time to write: long enough to be caught in the middle. */
const ENDLESS_BYTES = 1024 * 1024 * 1024

const UNICODE = 'Ordner mit Leerzeichen/日本語 🎬/a+b&c=d%20#1 [x] {y}*.mp4'

const NO_KEYS = ['', '/a', 'a/', 'a//b', '../a', 'a/../b', 'a/./b', '.', 'a\nb', 'a\u0000b', 'a\\b', 'x'.repeat(1025)]

/** What every store must guarantee. */
export function describeStore(title: string, start: () => Promise<Surroundings>): void {
  describe(`a store of ${title}`, () => {
    let around: Surroundings
    let dir: string
    const never = new AbortController().signal

    beforeAll(async () => {
      around = await start()
      dir = await mkdtemp(join(tmpdir(), 'store-test-'))
    })
    afterAll(async () => {
      await around[Symbol.asyncDispose]()
      await rm(dir, { recursive: true, force: true })
    })

    async function fileOf(content: string | Uint8Array): Promise<string> {
      const path = join(dir, randomBytes(8).toString('hex'))
      await writeFile(path, content)
      return path
    }
    async function put(key: string, content: string | Uint8Array): Promise<void> {
      onTestFinished(() => around.store.remove([key], never))
      await around.store.put(key, await fileOf(content), HEADERS, never)
    }
    async function read(key: string): Promise<Buffer> {
      const path = join(dir, randomBytes(8).toString('hex'))
      await around.store.get(key, path, never)
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

    test('gives back what was put', async () => {
      await put('out/a.mp4', 'first')
      expect(await text('out/a.mp4')).toBe('first')
    })

    test('replaces what was there', async () => {
      await put('out/a.mp4', 'first, and longer')
      await put('out/a.mp4', 'second')
      expect(await text('out/a.mp4')).toBe('second')
      expect(await around.store.list('out/', never)).toEqual(['out/a.mp4'])
    })

    test('takes an empty file', async ({ skip }) => {
      if (around.cannot === 'hold empty files') skip(around.cannot)
      await put('out/empty', '')
      expect(await text('out/empty')).toBe('')
    })

    test('takes keys with spaces, other scripts and what URLs and patterns are made of', async () => {
      await put(UNICODE, 'odd')
      expect(await text(UNICODE)).toBe('odd')
      expect(await around.store.list('Ordner mit Leerzeichen/', never)).toEqual([UNICODE])
      await around.store.remove([UNICODE], never)
      expect(await around.store.list('Ordner mit Leerzeichen/', never)).toEqual([])
    })

    test('takes a name as long as a file system does', async () => {
      const key = `out/${'n'.repeat(255)}`
      await put(key, 'long')
      expect(await text(key)).toBe('long')
    })

    test('gives back a big file byte by byte', async () => {
      const bytes = randomBytes(BIG_BYTES)
      await put('big/file.mp4', bytes)
      expect(Buffer.compare(await read('big/file.mp4'), bytes)).toBe(0)
    })

    test('takes many files at once, and lists all of them, in folders below too', async () => {
      const keys = Array.from({ length: 40 }, (_, i) => `many/${i % 3}/file-${i}`)
      const path = await fileOf('x')
      await Promise.all(keys.map((key) => around.store.put(key, path, HEADERS, new AbortController().signal)))
      expect([...(await around.store.list('many/', never))].toSorted()).toEqual(keys.toSorted())
      await around.store.remove(keys, never)
      expect(await around.store.list('many/', never)).toEqual([])
    })

    test('lists a folder and not one whose name begins alike', async () => {
      await put('out/a', '1')
      await put('outer/b', '2')
      expect(await around.store.list('out/', never)).toEqual(['out/a'])
      expect(await around.store.list('nothing/here/', never)).toEqual([])
    })

    test('removes what it is told and nothing else; what is not there is no failure', async () => {
      await put('out/a', '1')
      await put('out/ab', '2')
      await around.store.remove(['out/a', 'out/never', 'nowhere/x'], never)
      expect(await around.store.list('out/', never)).toEqual(['out/ab'])
    })

    test('clears a folder with all below it, and no other; twice is as good as once', async () => {
      await put('parts/1/a', '1')
      await put('parts/1/deep/b', '2')
      await put('parts/10/c', '3')
      await around.store.clear('parts/1/', never)
      await around.store.clear('parts/1/', never)
      expect(await around.store.list('parts/', never)).toEqual(['parts/10/c'])
    })

    test('says that there is nothing, and leaves no file', async () => {
      const path = join(dir, 'nothing')
      expect(await codeOf(around.store.get('out/never', path, never))).toBe('STORE_NOT_FOUND')
      await expect(access(path)).rejects.toThrow('ENOENT')
    })

    test('refuses a file of ours that is not there or cannot be read, and leaves nothing', async () => {
      const call = around.store.put('out/none', join(dir, 'never-written'), HEADERS, never)
      expect(['STORE_REFUSED', 'STORE_NOT_FOUND']).toContain(await codeOf(call))
      expect(await codeOf(around.store.put('out/folder', dir, HEADERS, never))).toBe('STORE_REFUSED')
      expect(await around.store.list('out/', never)).toEqual([])
    })

    test.each(NO_KEYS)('refuses the key %j, whatever is asked', async (key) => {
      const path = await fileOf('x')
      expect(await codeOf(around.store.put(key, path, HEADERS, never))).toBe('STORE_REFUSED')
      expect(await codeOf(around.store.get(key, join(dir, 'x'), never))).toBe('STORE_REFUSED')
      expect(await codeOf(around.store.remove([key], never))).toBe('STORE_REFUSED')
      expect(await codeOf(around.store.clear(`${key}/`, never))).toBe('STORE_REFUSED')
    })

    test('leaves nothing of a put that is aborted midway, and what was there stays', async () => {
      await put('cut/a.mp4', 'before')
      const path = await fileOf('')
      await truncate(path, ENDLESS_BYTES)
      const abort = new AbortController()
      const going = codeOf(around.store.put('cut/a.mp4', path, HEADERS, abort.signal))
      await vi.waitFor(async () => expect(await around.isArriving()).toBe(true), { timeout: 20_000, interval: 5 })
      abort.abort()
      expect(await going).toBe('ABORTED')
      expect(await text('cut/a.mp4')).toBe('before')
      expect(await around.store.list('cut/', never)).toEqual(['cut/a.mp4'])
      expect(await around.leftovers()).toEqual([])
    })

    test('does nothing once its signal has aborted', async () => {
      const path = await fileOf('x')
      const calls = [
        around.store.put('out/a', path, HEADERS, AbortSignal.abort()),
        around.store.get('out/a', path, AbortSignal.abort()),
        around.store.remove(['out/a'], AbortSignal.abort()),
        around.store.clear('out/', AbortSignal.abort()),
        around.store.list('out/', AbortSignal.abort()),
      ]
      expect(await Promise.all(calls.map(codeOf))).toEqual(calls.map(() => 'ABORTED'))
      expect(await around.store.list('out/', never)).toEqual([])
    })

    test('tells a failure by its code, without a secret', async () => {
      const path = await fileOf('x')
      const failure = await around.refused?.put('out/a', path, HEADERS, never).catch((error: unknown) => error)
      if (around.refused === null) return
      expect(failure).toMatchObject({ code: 'STORE_REFUSED', isTransient: false })
      expect(String(failure)).not.toContain(SECRET)
    })

    test('names a URL in which the key is escaped', () => {
      const url = new URL(around.store.urlOf(UNICODE))
      expect(decodeURIComponent(url.pathname).endsWith(`/${UNICODE}`)).toBe(true)
      expect(url.search + url.hash + url.username).toBe('')
    })
  })
}

/** The password or key with which `broken` is to be opened. */
export const SECRET = 'hush-hush-secret'
