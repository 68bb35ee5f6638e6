import { createHash, randomBytes } from 'node:crypto'

import { StoreError } from './store.ts'

/** Amazon S3's limit of a key, and the file systems' limit of a name. */
const MAX_KEY_BYTES = 1024
const MAX_NAME_BYTES = 255

// oxlint-disable-next-line no-control-regex
const FORBIDDEN_CHARS = /[\u0000-\u001f\u007f\\]/

/**
 * Returns the names that a key consists of. Every store validates keys itself, so that no caller can leave the store.
 * @throws StoreError `STORE_REFUSED`
 */
export function parseKey(key: string): readonly [string, ...string[]] {
  const [first, ...rest] = key.split('/')
  const names = [first ?? '', ...rest] as const
  const isValid = names.every(isValidName) && Buffer.byteLength(key) <= MAX_KEY_BYTES && !FORBIDDEN_CHARS.test(key)
  if (!isValid || isTemporaryName(names.at(-1) ?? '')) throw new StoreError('STORE_REFUSED', 'the key is not valid')
  return names
}

function isValidName(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && Buffer.byteLength(name) <= MAX_NAME_BYTES
}

/**
 * Returns the names that a folder (`shows/7/`) consists of.
 * @throws StoreError `STORE_REFUSED`
 */
export function parseFolder(folder: string): readonly string[] {
  if (!folder.endsWith('/')) throw new StoreError('STORE_REFUSED', 'a folder must end with a slash')
  return parseKey(folder.slice(0, -1))
}

/** Returns the file names of keys by their folder (`shows/7/`); the store's root is ''. */
export function groupByFolder(keys: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const folders = new Map<string, string[]>()
  for (const names of keys.map(parseKey)) {
    const folder = names
      .slice(0, -1)
      .map((name) => `${name}/`)
      .join('')
    folders.set(folder, [...(folders.get(folder) ?? []), names.at(-1) ?? ''])
  }
  return folders
}

/** Returns the URL of a key below a base URL, with escaped names. */
export function joinUrl(base: string, key: string): string {
  return `${base.replace(/\/+$/, '')}/${key.split('/').map(encodeURIComponent).join('/')}`
}

const TEMPORARY_NAME = /^\.[0-9a-f]{16}\.[0-9a-f]{16}\.part$/

/**
 * Returns a hidden name for a file while it is written beside its final name. The name is unique to the writer, contains
 * a digest of the final name, by which a cleanup finds it, and is short enough for every file system.
 */
export function createTemporaryName(name: string): string {
  return `.${digestName(name)}.${randomBytes(8).toString('hex')}.part`
}

/** Creates a predicate for names in one folder: whether a name is one of the files, or a temporary name of one of them. */
export function createNameMatcher(names: readonly string[]): (candidate: string) => boolean {
  const finalNames = new Set(names)
  const digests = new Set(names.map(digestName))
  return (candidate) => finalNames.has(candidate) || (isTemporaryName(candidate) && digests.has(candidate.slice(1, 17)))
}

/** Returns whether a name is one of a file that is being written. */
export function isTemporaryName(name: string): boolean {
  return TEMPORARY_NAME.test(name)
}

function digestName(name: string): string {
  return createHash('sha256').update(name).digest('hex').slice(0, 16)
}
