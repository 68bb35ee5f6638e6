import type { Dirent, Stats } from 'node:fs'
import { constants, type FileHandle, lstat, mkdir, open, readdir, rename, rm, rmdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import {
  byFolder,
  folderNamesOf,
  isTemporary,
  matcherOf,
  namesOf,
  type Store,
  StoreError,
  temporaryNameOf,
  throwIfAborted,
  urlUnder,
} from './store.ts'

export type LocalSettings = {
  /** The folder that holds everything; made when it is first needed. */
  readonly dir: string
  /** Where the gateway serves it. */
  readonly url: string
}

const COPY_BYTES = 1024 * 1024

/** A folder may be removed, emptied by another call, between its making and a file's: so often it is made again. */
const FOLDER_TRIES = 5

/** Files below a folder of this machine. Symbolic links below it are never followed. */
export function openLocalStore({ dir, url }: LocalSettings): Store {
  return {
    urlOf: (key) => urlUnder(url, key),
    put: (key, path, _headers, signal) => told(() => put(dir, key, path, signal), signal),
    get: (key, path, signal) => told(() => get(dir, key, path, signal), signal),
    remove: (keys, signal) => told(() => remove(dir, keys, signal), signal),
    clear: (folder, signal) =>
      told(async () => {
        const names = folderNamesOf(folder)
        const found = await folderAt(dir, names)
        if (found === null) return
        await rm(found, { recursive: true, force: true })
        await removeEmptied(dir, names.slice(0, -1))
      }, signal),
    list: (folder, signal) => told(() => list(dir, folder, signal), signal),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}

async function put(dir: string, key: string, path: string, signal: AbortSignal): Promise<void> {
  const names = namesOf(key)
  const name = names.at(-1) ?? ''
  const parents = names.slice(0, -1)
  await using source = await open(path, 'r')
  const part = await createPart(dir, parents, temporaryNameOf(name))
  try {
    await copy(source, part.file, signal)
    await part.file.sync()
    await part.file.close()
    throwIfAborted(signal)
    await rename(part.path, join(dirname(part.path), name))
  } catch (error) {
    await part.file.close().catch(() => undefined)
    await rm(part.path, { force: true })
    await removeEmptied(dir, parents)
    throw error
  }
  await syncFolder(dirname(part.path))
}

async function createPart(dir: string, parents: readonly string[], name: string) {
  for (let attempt = 1; ; attempt++) {
    try {
      const path = join(await makeFolder(dir, parents), name)
      return { path, file: await open(path, 'wx', 0o644) }
    } catch (error) {
      if (codeOf(error) !== 'ENOENT' || attempt === FOLDER_TRIES) throw error
    }
  }
}

async function get(dir: string, key: string, path: string, signal: AbortSignal): Promise<void> {
  const names = namesOf(key)
  const folder = await folderAt(dir, names.slice(0, -1))
  if (folder === null) throw new StoreError('STORE_NOT_FOUND', 'nothing is stored there')
  await using source = await open(join(folder, names.at(-1) ?? ''), constants.O_RDONLY | constants.O_NOFOLLOW)
  if (!(await source.stat()).isFile()) throw new StoreError('STORE_NOT_FOUND', 'not a file')
  await using target = await open(path, 'w')
  await copy(source, target, signal).catch(async (error: unknown) => {
    await rm(path, { force: true })
    throw error
  })
}

/** Piece by piece, so that it can be cut short and holds little memory. */
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
  for (const [folder, names] of byFolder(keys)) {
    throwIfAborted(signal)
    const path = await folderAt(dir, folder.split('/').slice(0, -1))
    if (path === null) continue
    const isDoomed = matcherOf(names)
    const files = (await entriesOf(path)).filter((entry) => !entry.isDirectory() && isDoomed(entry.name))
    for (const { name } of files) await rm(join(path, name), { force: true })
    await removeEmptied(dir, folder.split('/').slice(0, -1))
  }
}

async function list(dir: string, folder: string, signal: AbortSignal): Promise<string[]> {
  throwIfAborted(signal)
  const found = await folderAt(dir, folderNamesOf(folder))
  if (found === null) return []
  const entries = await entriesOf(found)
  const below = entries.filter((entry) => entry.isDirectory()).map(({ name }) => `${folder}${name}/`)
  const files = entries.filter((entry) => entry.isFile() && !isTemporary(entry.name)).map(({ name }) => folder + name)
  for (const deeper of below) files.push(...(await list(dir, deeper, signal)))
  return files
}

/** What a folder holds; of one that another call has just removed, nothing. */
async function entriesOf(path: string): Promise<Dirent[]> {
  return readdir(path, { withFileTypes: true }).catch(unless('ENOENT', []))
}

/** The folder's path; `null`: there is none, or a link stands in the way. */
async function folderAt(dir: string, names: readonly string[]): Promise<string | null> {
  let path = dir
  if ((await look(dir)) === null) return null
  for (const name of names) {
    path = join(path, name)
    if (!(await look(path))?.isDirectory()) return null
  }
  return path
}

async function makeFolder(dir: string, names: readonly string[]): Promise<string> {
  await mkdir(dir, { recursive: true })
  let path = dir
  for (const name of names) {
    path = join(path, name)
    await mkdir(path).catch(unless('EEXIST', undefined))
    if ((await look(path))?.isDirectory() === false)
      throw new StoreError('STORE_REFUSED', 'a file or link is in the way')
  }
  return path
}

/** Removes these folders from the innermost out, as long as they are empty; never the store's own. */
async function removeEmptied(dir: string, names: readonly string[]): Promise<void> {
  try {
    for (let depth = names.length; depth > 0; depth--) await rmdir(join(dir, ...names.slice(0, depth)))
  } catch {
    // Not empty, or gone by another call: the ones around it stay.
  }
}

async function look(path: string): Promise<Stats | null> {
  return lstat(path).catch(unless('ENOENT', null))
}

/** A name is on the disk when its folder is. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch(unless('ENOENT', null))
  await folder?.sync()
  await folder?.close()
}

function unless<T>(code: string, instead: T): (error: unknown) => T {
  return (error) => {
    if (codeOf(error) === code) return instead
    throw error
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

const NO_SPACE = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])
const NOT_THERE = new Set(['ENOENT', 'ENOTDIR', 'ELOOP'])

async function told<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  try {
    throwIfAborted(signal)
    return await work()
  } catch (error) {
    if (error instanceof StoreError) throw error
    const code = codeOf(error) ?? 'unknown'
    if (NO_SPACE.has(code)) throw new StoreError('ENOSPC', 'no space left where outputs are stored')
    if (NOT_THERE.has(code)) throw new StoreError('STORE_NOT_FOUND', `nothing is stored there (${code})`)
    throw new StoreError('STORE_REFUSED', `the store's folder cannot be used (${code})`)
  }
}
