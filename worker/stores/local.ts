import type { Dirent, Stats } from 'node:fs'
import { constants, type FileHandle, lstat, mkdir, open, readdir, rename, rm, rmdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import {
  createNameMatcher,
  createTemporaryName,
  groupByFolder,
  isTemporaryName,
  joinUrl,
  parseFolder,
  parseKey,
} from './keys.ts'
import { type Store, StoreError, throwIfAborted } from './store.ts'

export type LocalSettings = {
  /** The root folder; it is created when it is first needed. */
  readonly dir: string
  /** URL at which the gateway serves the root folder. */
  readonly url: string
}

const COPY_BYTES = 1024 * 1024

/** Between the creation of a folder and of its first file, a concurrent call may remove the folder because it is empty. */
const MAX_FOLDER_ATTEMPTS = 5

/** Opens a store in a local folder. Symbolic links below the folder are never followed. */
export function openLocalStore({ dir, url }: LocalSettings): Store {
  return {
    urlOf: (key) => joinUrl(url, key),
    put: (key, path, _headers, signal) => withStoreErrors(() => put(dir, key, path, signal), signal),
    get: (key, path, signal) => withStoreErrors(() => get(dir, key, path, signal), signal),
    remove: (keys, signal) => withStoreErrors(() => remove(dir, keys, signal), signal),
    removeFolder: (folder, signal) => withStoreErrors(() => removeFolder(dir, folder), signal),
    list: (folder, signal) => withStoreErrors(() => list(dir, folder, signal), signal),
    changeClass: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

async function put(dir: string, key: string, path: string, signal: AbortSignal): Promise<void> {
  const names = parseKey(key)
  const name = names.at(-1) ?? ''
  const parents = names.slice(0, -1)
  await using source = await open(path, 'r')
  const temporary = await createTemporaryFile(dir, parents, createTemporaryName(name))
  try {
    await copy(source, temporary.file, signal)
    await temporary.file.sync()
    await temporary.file.close()
    throwIfAborted(signal)
    await rename(temporary.path, join(dirname(temporary.path), name))
  } catch (error) {
    await temporary.file.close().catch(() => undefined)
    await rm(temporary.path, { force: true })
    await removeEmptyFolders(dir, parents)
    throw error
  }
  await syncFolder(dirname(temporary.path))
}

async function createTemporaryFile(dir: string, parents: readonly string[], name: string) {
  for (let attempt = 1; ; attempt++) {
    try {
      const path = join(await makeFolder(dir, parents), name)
      return { path, file: await open(path, 'wx', 0o644) }
    } catch (error) {
      if (errorCode(error) !== 'ENOENT' || attempt === MAX_FOLDER_ATTEMPTS) throw error
    }
  }
}

async function get(dir: string, key: string, path: string, signal: AbortSignal): Promise<void> {
  const names = parseKey(key)
  const folder = await findFolder(dir, names.slice(0, -1))
  if (folder === null) throw new StoreError('STORE_NOT_FOUND', 'the key does not exist')
  await using source = await open(join(folder, names.at(-1) ?? ''), constants.O_RDONLY | constants.O_NOFOLLOW)
  if (!(await source.stat()).isFile()) throw new StoreError('STORE_NOT_FOUND', 'the key is not a file')
  await using target = await open(path, 'w')
  await copy(source, target, signal).catch(async (error: unknown) => {
    await rm(path, { force: true })
    throw error
  })
}

/** Copies in pieces, so that an abort takes effect soon and memory use stays small. */
async function copy(source: FileHandle, target: FileHandle, signal: AbortSignal): Promise<void> {
  const buffer = Buffer.allocUnsafe(COPY_BYTES)
  for (;;) {
    throwIfAborted(signal)
    const { bytesRead } = await source.read(buffer, 0, buffer.length)
    if (bytesRead === 0) return
    await target.writeFile(buffer.subarray(0, bytesRead))
  }
}

async function remove(dir: string, keys: readonly string[], signal: AbortSignal): Promise<void> {
  for (const [folder, names] of groupByFolder(keys)) {
    throwIfAborted(signal)
    const parents = folder.split('/').slice(0, -1)
    const path = await findFolder(dir, parents)
    if (path === null) continue
    const matches = createNameMatcher(names)
    const files = (await readEntries(path)).filter((entry) => !entry.isDirectory() && matches(entry.name))
    for (const { name } of files) await rm(join(path, name), { force: true })
    await removeEmptyFolders(dir, parents)
  }
}

async function removeFolder(dir: string, folder: string): Promise<void> {
  const names = parseFolder(folder)
  const path = await findFolder(dir, names)
  if (path === null) return
  await rm(path, { recursive: true, force: true })
  await removeEmptyFolders(dir, names.slice(0, -1))
}

async function list(dir: string, folder: string, signal: AbortSignal): Promise<string[]> {
  throwIfAborted(signal)
  const path = await findFolder(dir, parseFolder(folder))
  if (path === null) return []
  const entries = await readEntries(path)
  const subfolders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => `${folder}${name}/`)
  const keys = entries
    .filter((entry) => entry.isFile() && !isTemporaryName(entry.name))
    .map(({ name }) => folder + name)
  for (const subfolder of subfolders) keys.push(...(await list(dir, subfolder, signal)))
  return keys
}

/** Returns the entries of a folder; none where a concurrent call has removed it. */
async function readEntries(path: string): Promise<Dirent[]> {
  return readdir(path, { withFileTypes: true }).catch(ignoreCode('ENOENT', []))
}

/** Returns a folder's path; `null` where it does not exist or a link is on the way. */
async function findFolder(dir: string, names: readonly string[]): Promise<string | null> {
  let path = dir
  if ((await readStats(dir)) === null) return null
  for (const name of names) {
    path = join(path, name)
    if (!(await readStats(path))?.isDirectory()) return null
  }
  return path
}

async function makeFolder(dir: string, names: readonly string[]): Promise<string> {
  await mkdir(dir, { recursive: true })
  let path = dir
  for (const name of names) {
    path = join(path, name)
    await mkdir(path).catch(ignoreCode('EEXIST', undefined))
    if ((await readStats(path))?.isDirectory() === false)
      throw new StoreError('STORE_REFUSED', 'a file or link stands in place of a folder of the key')
  }
  return path
}

/** Removes empty folders from the innermost outwards, but never the store's root. */
async function removeEmptyFolders(dir: string, names: readonly string[]): Promise<void> {
  try {
    for (let depth = names.length; depth > 0; depth--) await rmdir(join(dir, ...names.slice(0, depth)))
  } catch {
    // Not empty, or removed by a concurrent call: the outer folders stay.
  }
}

async function readStats(path: string): Promise<Stats | null> {
  return lstat(path).catch(ignoreCode('ENOENT', null))
}

/** Makes a rename durable: the new name is on disk once its folder is synced. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch(ignoreCode('ENOENT', null))
  await folder?.sync()
  await folder?.close()
}

function ignoreCode<Fallback>(code: string, fallback: Fallback): (error: unknown) => Fallback {
  return (error) => {
    if (errorCode(error) === code) return fallback
    throw error
  }
}

function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

const NO_SPACE = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])
const NOT_FOUND = new Set(['ENOENT', 'ENOTDIR', 'ELOOP'])

/** Runs a call and converts its errors to `StoreError`. */
async function withStoreErrors<Result>(call: () => Promise<Result>, signal: AbortSignal): Promise<Result> {
  try {
    throwIfAborted(signal)
    return await call()
  } catch (error) {
    if (error instanceof StoreError) throw error
    const code = errorCode(error) ?? 'unknown'
    if (NO_SPACE.has(code)) throw new StoreError('ENOSPC', 'the disk of the local store is full')
    if (NOT_FOUND.has(code)) throw new StoreError('STORE_NOT_FOUND', `the file does not exist (${code})`)
    throw new StoreError('STORE_REFUSED', `the folder of the local store cannot be used (${code})`)
  }
}
