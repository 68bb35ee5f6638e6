import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { download, type Downloaded } from '../platform/download.ts'
import type { Fetcher } from '../platform/http.ts'
import { fetchFromS3, type StoreSettings } from '../platform/stores/open-store.ts'
import { StoreError } from '../platform/stores/store.ts'
import { fault, mishap, type Unfinished } from './failure.ts'

/** Where the input lies on this machine. It is read, never written: it may be the user's own file. */
export type Input = { readonly kind: 'ok'; readonly path: string } | Unfinished

export type SourceOptions = {
  readonly fetcher: Fetcher
  readonly stores: StoreSettings
  readonly allowFile: boolean
  readonly maxBytes: number
  /** Where a download goes. */
  readonly dir: string
  /** How much has come, 0 to 1; 0 where the server does not say how much there is. */
  readonly onProgress: (share: number) => void
  readonly signal: AbortSignal
}

/** A server that is slower than 1 KiB/s for a minute would keep a worker for ever. */
const MIN_RATE = { bytes: 60 * 1024, withinMs: 60_000 }
const RETRY = { firstMs: 500, maxMs: 8000 }

/**
 * Brings a job's input to this machine: by http(s) within the address policy, from S3 with the worker's own
 * credentials; a file of this machine stays where it is. Trouble is a value; a broken disk throws.
 */
export async function fetchInput(url: string, options: SourceOptions): Promise<Input> {
  const scheme = URL.canParse(url) ? new URL(url).protocol : ''
  switch (scheme) {
    case 'http:':
    case 'https:':
      return fromServer(url, options)
    case 's3:':
      return fromS3(url, options)
    case 'file:':
      return fromFile(url, options)
    default:
      return fault('INVALID_URL', 'the input is no http, https, s3 or file URL')
  }
}

async function fromServer(url: string, { fetcher, dir, maxBytes, onProgress, signal }: SourceOptions): Promise<Input> {
  const path = join(dir, 'input')
  const downloaded = await download(url, {
    fetcher,
    path,
    maxBytes,
    signal,
    minRate: MIN_RATE,
    retry: RETRY,
    onProgress: (bytes, totalBytes) => onProgress(totalBytes === null ? 0 : bytes / totalBytes),
  })
  return downloaded.kind === 'ok' ? { kind: 'ok', path } : unfinished(downloaded, maxBytes)
}

function unfinished(downloaded: Exclude<Downloaded, { readonly kind: 'ok' }>, maxBytes: number): Unfinished {
  switch (downloaded.kind) {
    case 'aborted':
      return { kind: 'aborted' }
    case 'forbidden':
      return fault('FORBIDDEN_URL', downloaded.message)
    case 'too_large':
      return tooLarge(maxBytes)
    case 'no_space':
      return mishap('ENOSPC', 'the disk is full')
    case 'unreachable': {
      const blame = downloaded.isTransient ? mishap : fault
      return blame('INPUT_UNREACHABLE', `the input could not be fetched: ${downloaded.message}`)
    }
  }
}

function tooLarge(maxBytes: number): Unfinished {
  return fault('INPUT_TOO_LARGE', `the input is larger than ${maxBytes} bytes`)
}

async function fromS3(url: string, { stores, dir, maxBytes, signal }: SourceOptions): Promise<Input> {
  const path = join(dir, 'input')
  try {
    await fetchFromS3(stores, { url, path, maxBytes }, signal)
    return { kind: 'ok', path }
  } catch (error) {
    if (signal.aborted) return { kind: 'aborted' }
    if (!(error instanceof StoreError)) throw error
    if (error.code === 'TOO_LARGE') return tooLarge(maxBytes)
    if (error.code === 'ENOSPC') return mishap('ENOSPC', 'the disk is full')
    const blame = error.isTransient ? mishap : fault
    return blame('INPUT_UNREACHABLE', `the input could not be fetched: ${error.message}`)
  }
}

/** Devices, pipes and folders are no input; what lies there is said to nobody who may not read files. */
async function fromFile(url: string, { allowFile, maxBytes }: SourceOptions): Promise<Input> {
  if (!allowFile) return fault('FORBIDDEN_URL', 'file: URLs are not allowed (ALLOW_FILE_INPUT)')
  const path = localPath(url)
  if (path === null) return fault('INVALID_URL', 'the input is no file of this machine')
  const found = await stat(path).catch(() => null)
  if (found === null) return fault('INPUT_UNREACHABLE', 'the input file is not there, or may not be read')
  if (!found.isFile()) return fault('INPUT_INVALID', 'the input is not a regular file')
  return found.size > maxBytes ? tooLarge(maxBytes) : { kind: 'ok', path }
}

/** `null` for another machine's file, and for a path with an escaped slash or NUL in it. */
function localPath(url: string): string | null {
  try {
    const path = fileURLToPath(url)
    return path.includes('\0') ? null : path
  } catch {
    return null
  }
}
