import { open, type FileHandle } from 'node:fs/promises'

import { type BackoffPolicy, computeBackoffMs } from '../platform/backoff.ts'
import { type Fetcher, type FetchFailure, toFetchFailure } from '../platform/http.ts'
import { isDiskFull } from '../platform/disk-full.ts'
import { sleep } from '../platform/wake-signal.ts'

/**
 * The result of a download. `forbidden`: the policy forbids an address of the URL or of a redirect. `unreachable`: the
 * file could not be fetched; where `isTransient`, a later attempt may succeed. `no_space`: the disk is full.
 */
export type FileDownloadResult =
  | { readonly kind: 'ok'; readonly bytes: number }
  | { readonly kind: 'forbidden'; readonly message: string }
  | { readonly kind: 'unreachable'; readonly message: string; readonly isTransient: boolean }
  | { readonly kind: 'too_large' }
  | { readonly kind: 'no_space' }
  | { readonly kind: 'aborted' }

export type FileDownloadOptions = {
  readonly fetcher: Fetcher
  /** The file to create. It must not exist; after a failure its content is incomplete. */
  readonly path: string
  readonly maxBytes: number
  /** Lowest accepted rate: the download fails after `withinMs` with fewer `bytes`, which includes the DNS lookup. */
  readonly minRate: { readonly bytes: number; readonly withinMs: number }
  readonly retry: BackoffPolicy
  /** Called for each received chunk; the total is `null` where the server does not report it. */
  readonly onProgress: (bytes: number, totalBytes: number | null) => void
  readonly signal: AbortSignal
}

/** Attempts in a row that may receive less than `GAIN_BYTES` each. */
const MAX_FAILURES = 5
const GAIN_BYTES = 1024 * 1024

/** The received part of a file, and the properties that its server reported. */
type PartialFile = {
  readonly file: FileHandle
  bytes: number
  totalBytes: number | null
  /** Identifies the version of the file: a strong ETag, or the date of its last modification. */
  validator: string | null
}

/** The result of one attempt. `interrupted`: the next attempt may continue. */
type DownloadAttempt = FileDownloadResult | { readonly kind: 'interrupted'; readonly message: string }

/**
 * Downloads a file over http(s) to disk, in constant memory. An interrupted download continues where it broke off
 * (RFC 9110 §14.2, §13.1.5), and server errors are retried, up to five attempts in a row.
 * @throws the file system's error, except for a full disk
 */
export async function downloadFile(url: string, options: FileDownloadOptions): Promise<FileDownloadResult> {
  const file = await open(options.path, 'wx', 0o600)
  const partial: PartialFile = { file, bytes: 0, totalBytes: null, validator: null }
  try {
    for (let failures = 0; ;) {
      const bytesBefore = partial.bytes
      const attempt = await attemptDownload(url, partial, options)
      if (attempt.kind !== 'interrupted') return attempt
      failures = partial.bytes - bytesBefore >= GAIN_BYTES ? 1 : failures + 1
      if (failures >= MAX_FAILURES) return { kind: 'unreachable', message: attempt.message, isTransient: true }
      await sleep(computeBackoffMs(failures, options.retry), options.signal)
    }
  } finally {
    await file.close()
  }
}

async function attemptDownload(
  url: string,
  partial: PartialFile,
  options: FileDownloadOptions,
): Promise<DownloadAttempt> {
  const { signal } = options
  const call = new AbortController()
  const abort = () => call.abort()
  const rate = watchRate(partial, options.minRate, abort)
  signal.addEventListener('abort', abort)
  try {
    if (signal.aborted) return { kind: 'aborted' }
    return await fetchRest(url, partial, { ...options, signal: call.signal })
  } catch (error) {
    if (signal.aborted) return { kind: 'aborted' }
    if (isFileError(error) && isDiskFull(error)) return { kind: 'no_space' }
    if (rate.isTooSlow()) return { kind: 'unreachable', message: rate.message, isTransient: true }
    if (isFileError(error)) throw error
    return { kind: 'interrupted', message: toFetchFailure(error).message }
  } finally {
    rate.stop()
    signal.removeEventListener('abort', abort)
    abort()
  }
}

/** Watches the rate of a download, and calls `onTooSlow` where it falls below the minimum. */
function watchRate(partial: PartialFile, { bytes, withinMs }: FileDownloadOptions['minRate'], onTooSlow: () => void) {
  let bytesBefore = partial.bytes
  let isTooSlow = false
  const timer = setInterval(() => {
    isTooSlow = partial.bytes - bytesBefore < bytes
    bytesBefore = partial.bytes
    if (isTooSlow) onTooSlow()
  }, withinMs)
  return {
    isTooSlow: () => isTooSlow,
    message: `less than ${bytes} bytes in ${withinMs / 1000} s`,
    stop: () => clearInterval(timer),
  }
}

async function fetchRest(url: string, partial: PartialFile, options: FileDownloadOptions): Promise<DownloadAttempt> {
  const { signal } = options
  const opened = await options.fetcher.open(url, { headers: buildHeaders(partial), signal })
  signal.throwIfAborted()
  if (opened.kind === 'failed') return interpretFailure(opened.failure)
  const problem = await applyHead(partial, opened.head)
  return problem ?? (await writeBody(opened.body, partial, options))
}

/** Decides whether a failed fetch is retried: not for unknown names and endless redirects. */
function interpretFailure({ message, status, isForbidden }: FetchFailure): DownloadAttempt {
  if (isForbidden) return { kind: 'forbidden', message }
  // fetch's message for ports of other protocols (WHATWG Fetch §2.9).
  if (message === 'bad port') {
    return { kind: 'unreachable', message: 'files cannot be fetched from this port (bad port)', isTransient: false }
  }
  return status !== null || /\bENOTFOUND\b/.test(message)
    ? { kind: 'unreachable', message, isTransient: false }
    : { kind: 'interrupted', message }
}

async function writeBody(
  body: AsyncIterable<Uint8Array>,
  partial: PartialFile,
  options: FileDownloadOptions,
): Promise<DownloadAttempt> {
  if ((partial.totalBytes ?? 0) > options.maxBytes) return { kind: 'too_large' }
  for await (const chunk of body) {
    if (partial.bytes + chunk.length > options.maxBytes) return { kind: 'too_large' }
    await appendChunk(partial, chunk)
    options.onProgress(partial.bytes, partial.totalBytes)
  }
  if (partial.totalBytes === null || partial.bytes === partial.totalBytes) return { kind: 'ok', bytes: partial.bytes }
  return { kind: 'interrupted', message: `received ${partial.bytes} of ${partial.totalBytes} bytes` }
}

/** Builds the request headers. `identity`, because a compressed body cannot be continued in the middle. */
function buildHeaders({ bytes, validator }: PartialFile): Record<string, string> {
  const whole = { 'accept-encoding': 'identity' }
  return bytes === 0 || validator === null ? whole : { ...whole, range: `bytes=${bytes}-`, 'if-range': validator }
}

type ResponseHead = Pick<Response, 'status' | 'headers'>

/** Applies a response's head: the file continues where it ended, or begins again. Returns a result to end the attempt. */
async function applyHead(partial: PartialFile, head: ResponseHead): Promise<DownloadAttempt | null> {
  const { status, headers } = head
  const isRestRequested = 'range' in buildHeaders(partial)
  if (isRestRequested && status === 206 && continuesFile(partial, headers)) return null
  const isWhole = isWholeFile(head)
  const isOtherPart = isRestRequested && [206, 416].includes(status)
  if (!isWhole && !isOtherPart) return interpretStatus(status)
  await partial.file.truncate(0)
  partial.bytes = 0
  if (!isWhole) {
    partial.validator = null
    return { kind: 'interrupted', message: 'not the requested byte range' }
  }
  partial.validator = readValidator(headers)
  partial.totalBytes = readLength(headers)
  return null
}

/** Returns whether a partial response continues the file, by its content-range (RFC 9110 §14.4). */
function continuesFile({ bytes, totalBytes }: PartialFile, headers: Headers): boolean {
  const [, from, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers.get('content-range') ?? '') ?? []
  return Number(from) === bytes && (totalBytes === null || Number(total) === totalBytes)
}

/** Returns whether a response holds the whole file. Some servers send it as a part, even without a range request. */
function isWholeFile({ status, headers }: ResponseHead): boolean {
  if (status !== 206) return status === 200
  const [, last, total] = /^bytes 0-(\d+)\/(\d+)$/.exec(headers.get('content-range') ?? '') ?? []
  return total !== undefined && Number(last) + 1 === Number(total)
}

/** Decides whether a status is retried: server errors and overload are. */
function interpretStatus(status: number): DownloadAttempt {
  const message = `HTTP ${status}`
  const isTransient = status >= 500 || status === 408 || status === 425 || status === 429
  return isTransient ? { kind: 'interrupted', message } : { kind: 'unreachable', message, isTransient: false }
}

function readValidator(headers: Headers): string | null {
  const etag = headers.get('etag')
  return etag?.startsWith('"') ? etag : headers.get('last-modified')
}

/** Reads the file's length; `null` for a compressed body, whose length differs. */
function readLength(headers: Headers): number | null {
  const length = headers.get('content-length')
  const isIdentity = ['identity', null].includes(headers.get('content-encoding'))
  return isIdentity && length !== null && /^\d{1,15}$/.test(length) ? Number(length) : null
}

async function appendChunk(partial: PartialFile, chunk: Uint8Array): Promise<void> {
  for (let done = 0; done < chunk.length;) {
    const { bytesWritten } = await partial.file.write(chunk, done, chunk.length - done, partial.bytes)
    done += bytesWritten
    partial.bytes += bytesWritten
  }
}

function isFileError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error && ['write', 'ftruncate'].includes(String(error.syscall))
}
