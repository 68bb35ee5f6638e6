import { open, type FileHandle } from 'node:fs/promises'

import { backoffMs, type Growth } from './backoff.ts'
import { pause } from './bell.ts'
import { troubleOf, type Fetcher, type FetchTrouble } from './http.ts'
import { isDiskFull } from './scratch.ts'

/**
 * What came of a download. `forbidden`: the policy does not allow an address on the way. `unreachable`: it could not be
 * had; where it is transient, it may be had later. `no_space`: the disk is full.
 */
export type Downloaded =
  | { readonly kind: 'ok'; readonly bytes: number }
  | { readonly kind: 'forbidden'; readonly message: string }
  | { readonly kind: 'unreachable'; readonly message: string; readonly isTransient: boolean }
  | { readonly kind: 'too_large' }
  | { readonly kind: 'no_space' }
  | { readonly kind: 'aborted' }

export type DownloadOptions = {
  readonly fetcher: Fetcher
  /** Where it goes: a file that is not there yet. What is there after a failure is of no use. */
  readonly path: string
  readonly maxBytes: number
  /** A server that sends less than so many bytes in so long is given up, its look-up and answer included. */
  readonly minRate: { readonly bytes: number; readonly withinMs: number }
  /** How long to wait before the next try. */
  readonly retry: Growth
  /** Called as bytes come; the total is `null` where the server does not say. */
  readonly onProgress: (bytes: number, totalBytes: number | null) => void
  readonly signal: AbortSignal
}

/** So many tries in a row that bring less than this are enough. */
const MAX_FAILURES = 5
const GAIN_BYTES = 1024 * 1024

/** The file as far as it has come, and what its server said of it. */
type Part = {
  readonly file: FileHandle
  bytes: number
  totalBytes: number | null
  /** By which a server tells that its file is still the same: a strong ETag, or the date of its last change. */
  validator: string | null
}

/** How one try ended. `broken`: the next one may go on from there. */
type Try = Downloaded | { readonly kind: 'broken'; readonly message: string }

/**
 * Fetches a file by http(s) to disk, as large as it may be, with as much memory as one piece of it takes. A broken
 * connection is taken up where it broke (RFC 9110 §14.2, §13.1.5), a server's trouble is waited for, five times in a
 * row. Everything expected is a value; a disk that fails otherwise than by being full throws.
 */
export async function download(url: string, options: DownloadOptions): Promise<Downloaded> {
  const file = await open(options.path, 'wx', 0o600)
  const part: Part = { file, bytes: 0, totalBytes: null, validator: null }
  try {
    for (let failures = 0; ;) {
      const before = part.bytes
      const tried = await attempt(url, part, options)
      if (tried.kind !== 'broken') return tried
      failures = part.bytes - before >= GAIN_BYTES ? 1 : failures + 1
      if (failures >= MAX_FAILURES) return { kind: 'unreachable', message: tried.message, isTransient: true }
      await pause(backoffMs(failures, options.retry), options.signal)
    }
  } finally {
    await file.close()
  }
}

async function attempt(url: string, part: Part, options: DownloadOptions): Promise<Try> {
  const { signal } = options
  const call = new AbortController()
  const end = () => call.abort()
  const watch = watchRate(part, options.minRate, end)
  signal.addEventListener('abort', end)
  try {
    if (signal.aborted) return { kind: 'aborted' }
    return await fetchRest(url, part, { ...options, signal: call.signal })
  } catch (error) {
    if (signal.aborted) return { kind: 'aborted' }
    if (isFileError(error) && isDiskFull(error)) return { kind: 'no_space' }
    if (watch.isTooSlow()) return { kind: 'unreachable', message: watch.message, isTransient: true }
    if (isFileError(error)) throw error
    return { kind: 'broken', message: troubleOf(error).message }
  } finally {
    watch.end()
    signal.removeEventListener('abort', end)
    end()
  }
}

/** Calls `giveUp` when less than the least has come within its time. */
function watchRate(part: Part, { bytes, withinMs }: DownloadOptions['minRate'], giveUp: () => void) {
  let before = part.bytes
  let isTooSlow = false
  const timer = setInterval(() => {
    isTooSlow = part.bytes - before < bytes
    before = part.bytes
    if (isTooSlow) giveUp()
  }, withinMs)
  return {
    isTooSlow: () => isTooSlow,
    message: `less than ${bytes} bytes in ${withinMs / 1000} s`,
    end: () => clearInterval(timer),
  }
}

async function fetchRest(url: string, part: Part, options: DownloadOptions): Promise<Try> {
  const { signal } = options
  const opened = await options.fetcher.open(url, { headers: headersFor(part), signal })
  signal.throwIfAborted()
  if (opened.kind === 'trouble') return judged(opened.trouble)
  const problem = await takeUp(part, opened.head)
  return problem ?? (await readBody(opened.body, part, options))
}

/** A name that nobody has is not asked for again, nor who leads nowhere; whatever else kept an answer away may pass. */
function judged({ message, status, isForbidden }: FetchTrouble): Try {
  if (isForbidden) return { kind: 'forbidden', message }
  // fetch's words for ports of other protocols (WHATWG Fetch §2.9).
  if (message === 'bad port') {
    return { kind: 'unreachable', message: 'nothing is fetched from this port (bad port)', isTransient: false }
  }
  return status !== null || /\bENOTFOUND\b/.test(message)
    ? { kind: 'unreachable', message, isTransient: false }
    : { kind: 'broken', message }
}

async function readBody(body: AsyncIterable<Uint8Array>, part: Part, options: DownloadOptions): Promise<Try> {
  if ((part.totalBytes ?? 0) > options.maxBytes) return { kind: 'too_large' }
  for await (const chunk of body) {
    if (part.bytes + chunk.length > options.maxBytes) return { kind: 'too_large' }
    await write(part, chunk)
    options.onProgress(part.bytes, part.totalBytes)
  }
  if (part.totalBytes === null || part.bytes === part.totalBytes) return { kind: 'ok', bytes: part.bytes }
  return { kind: 'broken', message: `${part.bytes} of ${part.totalBytes} bytes came` }
}

/** Bytes as they are stored: what is packed on its way cannot be taken up in the middle. */
function headersFor({ bytes, validator }: Part): Record<string, string> {
  const whole = { 'accept-encoding': 'identity' }
  return bytes === 0 || validator === null ? whole : { ...whole, range: `bytes=${bytes}-`, 'if-range': validator }
}

type Head = Pick<Response, 'status' | 'headers'>

/** Reads the answer's head: either the part goes on where it ended, or it begins anew. */
async function takeUp(part: Part, head: Head): Promise<Try | null> {
  const { status, headers } = head
  const isRestAsked = 'range' in headersFor(part)
  if (isRestAsked && status === 206 && goesOn(part, headers)) return null
  const isWhole = isWholeFile(head)
  const isAnotherPart = isRestAsked && [206, 416].includes(status)
  if (!isWhole && !isAnotherPart) return refusal(status)
  await part.file.truncate(0)
  part.bytes = 0
  if (!isWhole) {
    part.validator = null
    return { kind: 'broken', message: 'another part than asked for' }
  }
  part.validator = validatorOf(headers)
  part.totalBytes = lengthOf(headers)
  return null
}

/** RFC 9110 §14.4: the answer says which part of how much it holds. */
function goesOn({ bytes, totalBytes }: Part, headers: Headers): boolean {
  const [, from, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers.get('content-range') ?? '') ?? []
  return Number(from) === bytes && (totalBytes === null || Number(total) === totalBytes)
}

/** Some servers call the whole a part, also to who asked for none. */
function isWholeFile({ status, headers }: Head): boolean {
  if (status !== 206) return status === 200
  const [, last, total] = /^bytes 0-(\d+)\/(\d+)$/.exec(headers.get('content-range') ?? '') ?? []
  return total !== undefined && Number(last) + 1 === Number(total)
}

/** What a server says that has trouble of its own, or too much to do, is tried again. */
function refusal(status: number): Try {
  const message = `HTTP ${status}`
  const isTransient = status >= 500 || status === 408 || status === 425 || status === 429
  return isTransient ? { kind: 'broken', message } : { kind: 'unreachable', message, isTransient: false }
}

function validatorOf(headers: Headers): string | null {
  const etag = headers.get('etag')
  return etag?.startsWith('"') ? etag : headers.get('last-modified')
}

/** Of a body that is packed after all, the length says nothing. */
function lengthOf(headers: Headers): number | null {
  const length = headers.get('content-length')
  const isPlain = ['identity', null].includes(headers.get('content-encoding'))
  return isPlain && length !== null && /^\d{1,15}$/.test(length) ? Number(length) : null
}

async function write(part: Part, chunk: Uint8Array): Promise<void> {
  for (let done = 0; done < chunk.length;) {
    const { bytesWritten } = await part.file.write(chunk, done, chunk.length - done, part.bytes)
    done += bytesWritten
    part.bytes += bytesWritten
  }
}

function isFileError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error && ['write', 'ftruncate'].includes(String(error.syscall))
}
