import type { ColdClass } from '../../shared/contract/stores.ts'

/** HTTP headers that readers receive with a stored file. */
export type FileHeaders = {
  readonly contentType: string
  readonly cacheControl: string
  /** How the file is saved; S3 only. */
  readonly contentDisposition?: string
}

/**
 * A store of outputs. A key is a path of names separated by `/` (`shows/7/master.m3u8`); a folder is a key with a slash
 * at its end. Every failure is a `StoreError`, also an abort of the signal. Calls may run concurrently.
 */
export type Store = AsyncDisposable & {
  /** Returns the URL by which readers open a key, whether or not it exists. */
  urlOf(key: string): string
  /** Stores a local file and replaces an earlier one atomically: a reader sees all of it or nothing. */
  put(key: string, path: string, headers: FileHeaders, signal: AbortSignal): Promise<void>
  /** Writes a stored file to a local path; leaves no local file where that fails. */
  get(key: string, path: string, signal: AbortSignal): Promise<void>
  /** Removes files, and what interrupted puts of these keys have left. Missing keys are ignored. */
  remove(keys: readonly string[], signal: AbortSignal): Promise<void>
  /** Removes everything below a folder, also what interrupted puts have left there. */
  removeFolder(folder: string, signal: AbortSignal): Promise<void>
  /** Returns all keys below a folder, in no particular order. */
  list(folder: string, signal: AbortSignal): Promise<readonly string[]>
  /** Moves everything below a folder to a colder class of S3, readable as before; other stores have no classes. */
  changeClass(folder: string, storageClass: ColdClass, signal: AbortSignal): Promise<void>
}

/**
 * `STORE_UNAVAILABLE`: unreachable, overloaded, or a broken connection. `STORE_REFUSED`: refused, or wrong settings.
 * `TOO_LARGE`: larger than the caller's limit. `ABORTED`: by the caller's signal.
 */
export type StoreErrorCode =
  | 'STORE_UNAVAILABLE'
  | 'STORE_REFUSED'
  | 'STORE_NOT_FOUND'
  | 'ENOSPC'
  | 'TOO_LARGE'
  | 'ABORTED'

const MAX_MESSAGE_CHARS = 300

/** A failed call of a store. Messages contain no secret. Only `STORE_UNAVAILABLE` is transient. */
export class StoreError extends Error {
  readonly code: StoreErrorCode
  readonly isTransient: boolean
  constructor(code: StoreErrorCode, message: string) {
    super(message.slice(0, MAX_MESSAGE_CHARS))
    this.code = code
    this.isTransient = code === 'STORE_UNAVAILABLE'
  }
}

/**
 * Throws where the caller's signal has aborted.
 * @throws StoreError `ABORTED`
 */
export function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw new StoreError('ABORTED', 'aborted')
}

const LOCAL_ERROR_CODES = /^(?:ENOENT|EACCES|EISDIR|EIO)$|CERT/

/** Returns whether a Node error code is the fault of this side: a local file, or a certificate that is not trusted. */
export function isLocalErrorCode(code: string): boolean {
  return LOCAL_ERROR_CODES.test(code)
}
