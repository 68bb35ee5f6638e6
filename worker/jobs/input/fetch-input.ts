import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { downloadFile, type FileDownloadResult } from '../../media/download.ts'
import type { Fetcher } from '../../platform/http.ts'
import { fetchFromS3, type StoreSettings } from '../../stores/open-store.ts'
import { StoreError } from '../../stores/store.ts'
import { permanentFailure, transientFailure, type FailedOrAborted } from '../result.ts'

/** Path of the input on this machine. The file may be the user's own and must not be written. */
export type FetchedInput = { readonly kind: 'ok'; readonly path: string } | FailedOrAborted

export type FetchInputOptions = {
  readonly fetcher: Fetcher
  readonly stores: StoreSettings
  /** Permits `file:` URLs. */
  readonly allowFile: boolean
  readonly maxBytes: number
  /** Folder for a downloaded input. */
  readonly dir: string
  /** Called with the received share, 0 to 1; 0 where the server does not declare a length. */
  readonly onProgress: (share: number) => void
  readonly signal: AbortSignal
}

/** A slower server (less than 1 KiB/s for a minute) would occupy a worker for too long. */
const MIN_RATE = { bytes: 60 * 1024, withinMs: 60_000 }
const RETRY_BACKOFF = { firstMs: 500, maxMs: 8000 }

/**
 * Fetches a job's input: http(s) within the address policy, S3 with the worker's own credentials. A local file stays in
 * its place. Expected failures are returned.
 * @throws on a disk error
 */
export async function fetchInput(url: string, options: FetchInputOptions): Promise<FetchedInput> {
  const scheme = URL.canParse(url) ? new URL(url).protocol : ''
  switch (scheme) {
    case 'http:':
    case 'https:':
      return downloadInput(url, options)
    case 's3:':
      return fetchS3Input(url, options)
    case 'file:':
      return checkLocalInput(url, options)
    default:
      return permanentFailure('INVALID_URL', 'input_url must be an http, https, s3 or file URL')
  }
}

async function downloadInput(
  url: string,
  { fetcher, dir, maxBytes, onProgress, signal }: FetchInputOptions,
): Promise<FetchedInput> {
  const path = join(dir, 'input')
  const result = await downloadFile(url, {
    fetcher,
    path,
    maxBytes,
    signal,
    minRate: MIN_RATE,
    retry: RETRY_BACKOFF,
    onProgress: (bytes, totalBytes) => onProgress(totalBytes === null ? 0 : bytes / totalBytes),
  })
  return result.kind === 'ok' ? { kind: 'ok', path } : toInputFailure(result, maxBytes)
}

function toInputFailure(
  result: Exclude<FileDownloadResult, { readonly kind: 'ok' }>,
  maxBytes: number,
): FailedOrAborted {
  switch (result.kind) {
    case 'aborted':
      return { kind: 'aborted' }
    case 'forbidden':
      return permanentFailure('FORBIDDEN_URL', result.message)
    case 'too_large':
      return inputTooLarge(maxBytes)
    case 'no_space':
      return diskFull()
    case 'unreachable':
      return inputUnreachable(result)
  }
}

async function fetchS3Input(url: string, { stores, dir, maxBytes, signal }: FetchInputOptions): Promise<FetchedInput> {
  const path = join(dir, 'input')
  try {
    await fetchFromS3(stores, { url, path, maxBytes }, signal)
    return { kind: 'ok', path }
  } catch (error) {
    if (signal.aborted) return { kind: 'aborted' }
    if (!(error instanceof StoreError)) throw error
    if (error.code === 'TOO_LARGE') return inputTooLarge(maxBytes)
    return error.code === 'ENOSPC' ? diskFull() : inputUnreachable(error)
  }
}

/** Checks a `file:` URL, and returns its path. Without permission to read files, the answer reveals nothing about them. */
async function checkLocalInput(url: string, { allowFile, maxBytes }: FetchInputOptions): Promise<FetchedInput> {
  if (!allowFile)
    return permanentFailure('FORBIDDEN_URL', 'file URLs are not allowed: set ALLOW_FILE_INPUT=true to allow them')
  const path = parseFileUrl(url)
  if (path === null) return permanentFailure('INVALID_URL', 'input_url is not the URL of a file on this machine')
  const found = await stat(path).catch(() => null)
  if (found === null) return permanentFailure('INPUT_UNREACHABLE', 'the input file does not exist or is not readable')
  // A device, a pipe or a folder.
  if (!found.isFile()) return permanentFailure('INPUT_INVALID', 'the input is not a regular file')
  return found.size > maxBytes ? inputTooLarge(maxBytes) : { kind: 'ok', path }
}

/** Parses a `file:` URL; `null` for a file on another host, and for a path with an escaped slash or a NUL. */
function parseFileUrl(url: string): string | null {
  try {
    const path = fileURLToPath(url)
    return path.includes('\0') ? null : path
  } catch {
    return null
  }
}

function inputTooLarge(maxBytes: number): FailedOrAborted {
  return permanentFailure('INPUT_TOO_LARGE', `the input is larger than ${maxBytes} bytes`)
}

function inputUnreachable(cause: { readonly message: string; readonly isTransient: boolean }): FailedOrAborted {
  const createFailure = cause.isTransient ? transientFailure : permanentFailure
  return createFailure('INPUT_UNREACHABLE', `the input could not be fetched: ${cause.message}`)
}

function diskFull(): FailedOrAborted {
  return transientFailure('ENOSPC', 'the disk is full')
}
