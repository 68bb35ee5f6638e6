import { createHash, randomBytes } from 'node:crypto'

/** What a reader is told about a file when it is opened. */
export type FileHeaders = { readonly contentType: string; readonly cacheControl: string }

/**
 * Where outputs go. A key is a path of `/`-separated names (`shows/7/master.m3u8`). Every failure is a `StoreError`, and
 * so is an abort of the signal. Calls may run side by side; disposing of it closes what it holds open.
 */
export type Store = AsyncDisposable & {
  /** What a reader opens, whether there is something or not. */
  urlOf(key: string): string
  /** Stores a file of this machine; what was there is replaced. The whole is visible, or nothing of it. */
  put(key: string, path: string, headers: FileHeaders, signal: AbortSignal): Promise<void>
  /** Writes what is stored to a file of this machine, or leaves none. */
  get(key: string, path: string, signal: AbortSignal): Promise<void>
  /** Removes these, and what broken-off puts have left of them. What is not there is no failure. */
  remove(keys: readonly string[], signal: AbortSignal): Promise<void>
  /** Removes all below a folder (`shows/7/`), and what broken-off puts have left there. */
  clear(folder: string, signal: AbortSignal): Promise<void>
  /** Every key below a folder (`shows/7/`), in no order. */
  list(folder: string, signal: AbortSignal): Promise<readonly string[]>
}

/**
 * `STORE_UNAVAILABLE`: not reached, overloaded, broken off. `STORE_REFUSED`: it says no, or the settings are wrong.
 * `TOO_LARGE`: more than the caller takes. `ABORTED`: by the caller's signal.
 */
export type StoreErrorCode =
  | 'STORE_UNAVAILABLE'
  | 'STORE_REFUSED'
  | 'STORE_NOT_FOUND'
  | 'ENOSPC'
  | 'TOO_LARGE'
  | 'ABORTED'

/** Only what is not reached may be there the next time. Messages hold no secret. */
export class StoreError extends Error {
  readonly code: StoreErrorCode
  readonly isTransient: boolean
  constructor(code: StoreErrorCode, message: string) {
    super(message.slice(0, MAX_MESSAGE_CHARS))
    this.code = code
    this.isTransient = code === 'STORE_UNAVAILABLE'
  }
}

const MAX_MESSAGE_CHARS = 300

/** Amazon S3's limit; file systems have one for each name. */
const MAX_KEY_BYTES = 1024
const MAX_NAME_BYTES = 255

// oxlint-disable-next-line no-control-regex
const FORBIDDEN_CHARS = /[\u0000-\u001f\u007f\\]/

/**
 * The names that a key consists of. Every store judges keys again: none leads out of it, whoever asks.
 * @throws StoreError `STORE_REFUSED`
 */
export function namesOf(key: string): readonly [string, ...string[]] {
  const [first, ...rest] = key.split('/')
  const names = [first ?? '', ...rest] as const
  const isGood = names.every(isName) && Buffer.byteLength(key) <= MAX_KEY_BYTES && !FORBIDDEN_CHARS.test(key)
  if (!isGood || isTemporary(names.at(-1) ?? '')) throw new StoreError('STORE_REFUSED', 'not a key that can be stored')
  return names
}

function isName(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && Buffer.byteLength(name) <= MAX_NAME_BYTES
}

/** The names that a folder's key (`shows/7/`) consists of. */
export function folderNamesOf(folder: string): readonly string[] {
  if (!folder.endsWith('/')) throw new StoreError('STORE_REFUSED', 'a folder ends in a slash')
  return namesOf(folder.slice(0, -1))
}

/** The names of the files that keys stand for, by their folders (`shows/7/`; '' is the store's own). */
export function byFolder(keys: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const folders = new Map<string, string[]>()
  for (const names of keys.map(namesOf)) {
    const folder = names
      .slice(0, -1)
      .map((name) => `${name}/`)
      .join('')
    folders.set(folder, [...(folders.get(folder) ?? []), names.at(-1) ?? ''])
  }
  return folders
}

/** A key as part of a URL. */
export function urlUnder(base: string, key: string): string {
  return `${base.replace(/\/+$/, '')}/${key.split('/').map(encodeURIComponent).join('/')}`
}

const TEMPORARY = /^\.[0-9a-f]{16}\.[0-9a-f]{16}\.part$/

/**
 * A hidden name beside a file that is being written: two writers never share one, whoever knows the file's name finds
 * what a killed writer has left, and it is short enough for any file system.
 */
export function temporaryNameOf(name: string): string {
  return `.${digestOf(name)}.${randomBytes(8).toString('hex')}.part`
}

/** A test whether a name in the same folder is one of these files, or a temporary one of theirs. */
export function matcherOf(names: readonly string[]): (found: string) => boolean {
  const wanted = new Set(names)
  const digests = new Set(names.map(digestOf))
  return (found) => wanted.has(found) || (isTemporary(found) && digests.has(found.slice(1, 17)))
}

export function isTemporary(name: string): boolean {
  return TEMPORARY.test(name)
}

function digestOf(name: string): string {
  return createHash('sha256').update(name).digest('hex').slice(0, 16)
}

/** The error that a store throws where the caller's signal has ended a call. */
export function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw new StoreError('ABORTED', 'aborted')
}
