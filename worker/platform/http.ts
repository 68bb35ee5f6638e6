import { hrefOf, queryOf } from '../../shared/net/query-text.ts'
import { type AddressPolicy, checkUrl, ForbiddenAddressError } from '../../shared/net/safe-url.ts'
import { isBadPort } from './bad-ports.ts'
import type { ChangingPolicy } from './changing-policy.ts'
import { type CookieJar, createCookieJar } from './cookie-jar.ts'
import { createHttpAgents, type HttpAgents, type HttpRoute, type ProxySettings } from './http-agents.ts'
import { decodeHeader, exchange, type HttpResponse } from './http-exchange.ts'
import { readRetryAfterMs } from './retry-after.ts'

/** A byte range of a resource. */
export type ByteRange = { readonly offset: number; readonly length: number }

/** Why a fetch failed. `status`: the response's HTTP status, if any. `isForbidden`: the policy forbids the address. */
export type FetchFailure = {
  readonly message: string
  readonly status: number | null
  readonly isForbidden?: true
  /** Time for which the server wants no further call, in ms (`Retry-After` of 429 and 503). */
  readonly retryAfterMs?: number
}

export type GetOptions = {
  /** Deadline from the DNS lookup to the last byte of the body, including redirects. */
  readonly timeoutMs: number
  /** A longer body is a failure. */
  readonly maxBytes: number
  /** Returns the first `maxBytes` of a longer body instead of a failure. */
  readonly acceptsTruncated?: boolean
  readonly signal: AbortSignal
  /** Requests this part only (RFC 9110 §14.2). A server may ignore that and send the whole resource. */
  readonly byteRange?: ByteRange | null
}

/** `url`: the URL after redirects, against which relative references resolve. */
export type FetchResult =
  | {
      readonly kind: 'ok'
      readonly bytes: Uint8Array
      readonly url: string
      readonly isTruncated: boolean
      readonly headers: Pick<Headers, 'get'>
    }
  | FailedFetch

/** A response whose body is not yet read. */
type OpenedResponse = {
  readonly kind: 'opened'
  /** The URL after redirects. */
  readonly url: string
  readonly head: Pick<Response, 'status' | 'headers'>
  /** Can be read once; throws when the signal aborts. */
  readonly body: AsyncIterable<Uint8Array>
}
/** A fetch that failed. */
export type FailedFetch = { readonly kind: 'failed'; readonly failure: FetchFailure }

export type OpenResult = OpenedResponse | FailedFetch

export type OpenOptions = {
  readonly headers: Readonly<Record<string, string>>
  /** Ends the body too. A caller that does not read the whole body must abort. */
  readonly signal: AbortSignal
}

export type Fetcher = {
  /** The addresses that it may reach. Programs that fetch on the worker's behalf follow it too. */
  readonly policy: ChangingPolicy
  /** Fetches a resource into memory, in one attempt. Every failure is a value, also an abort. */
  get(url: string, options: GetOptions): Promise<FetchResult>
  /** Opens a resource that is too large for memory, in one attempt. Failures of the body are thrown. */
  open(url: string, options: OpenOptions): Promise<OpenResult>
  [Symbol.asyncDispose](): Promise<void>
}

/** Longest URL that is fetched: as long as the longest line of a playlist, and as most servers accept. */
export const MAX_URL_LENGTH = 8192

/** As many as browsers follow (Fetch standard, HTTP-redirect fetch). */
const MAX_REDIRECTS = 20
const USER_AGENT = 'Mozilla/5.0 (compatible; Tallylight)'

/**
 * Creates the only client through which a worker fetches resources, with cookies. Where private addresses are forbidden, now
 * or from a change on, URLs are checked, and addresses at each connection; behind a forward proxy, only the URLs.
 */
export function createFetcher(options: { readonly policy: ChangingPolicy; readonly proxies: ProxySettings }): Fetcher {
  const agents = createHttpAgents(options.policy, options.proxies)
  const client: HttpClient = { agents, cookies: createCookieJar(), policy: options.policy }
  return {
    policy: options.policy,
    async get(url, getOptions) {
      const abort = new AbortController()
      const stop = () => abort.abort()
      const deadline = setTimeout(stop, getOptions.timeoutMs)
      getOptions.signal.addEventListener('abort', stop)
      try {
        if (getOptions.signal.aborted) stop()
        const headers = rangeHeaders(getOptions.byteRange)
        const opened = await followRedirects(client, url, { signal: abort.signal, headers })
        return opened.kind === 'opened' ? await readBody(opened, getOptions) : opened
      } catch (error) {
        if (getOptions.signal.aborted) return fail('aborted')
        if (abort.signal.aborted) return fail(`no complete answer within ${getOptions.timeoutMs / 1000} s`)
        return { kind: 'failed', failure: toFetchFailure(error) }
      } finally {
        clearTimeout(deadline)
        getOptions.signal.removeEventListener('abort', stop)
        // Ends a body that was not read to its end.
        stop()
      }
    },
    async open(url, openOptions) {
      try {
        return await followRedirects(client, url, openOptions)
      } catch (error) {
        return openOptions.signal.aborted ? fail('aborted') : { kind: 'failed', failure: toFetchFailure(error) }
      }
    },
    [Symbol.asyncDispose]: async () => agents.destroy(),
  }
}

/** What one fetcher shares among its requests. */
type HttpClient = { readonly agents: HttpAgents; readonly cookies: CookieJar; readonly policy: AddressPolicy }

async function followRedirects(
  client: HttpClient,
  start: string,
  { headers, signal }: OpenOptions,
): Promise<OpenResult> {
  let url = start
  let status: number | null = null
  for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
    if (url.length > MAX_URL_LENGTH) return fail(`URL is longer than ${MAX_URL_LENGTH} characters`, status)
    const checked = checkUrl(url, client.policy)
    if (!checked.ok) return forbid(`URL ${checked.problem}`)
    if (isBadPort(checked.url)) return fail('bad port')
    const route = withQuery(client.agents.routeTo(checked.url), checked.url.search, queryOf(url, checked.url))
    const response = await exchange(route, buildHeaders(client, checked.url, headers), signal)
    client.cookies.store(checked.url, response.cookies)
    const location = response.headers.get('location')
    status = response.status
    if (!isRedirect(status) || location === null) {
      return { kind: 'opened', url, head: response, body: readUntilAborted(response, signal) }
    }
    response.close()
    const target = decodeHeader(location)
    if (!URL.canParse(target, url)) return fail('redirected to an invalid URL', status)
    url = hrefOf(new URL(target, url), target)
  }
  return fail(`more than ${MAX_REDIRECTS} redirects`, status)
}

/** Returns a route with another spelling of its query. */
function withQuery(route: HttpRoute, query: string, spelled: string): HttpRoute {
  const path = `${route.options.path}`
  return { ...route, options: { ...route.options, path: path.slice(0, path.length - query.length) + spelled } }
}

/** Builds a request's headers: what every player sends, the cookies of the server, and the caller's own. */
function buildHeaders(
  { cookies }: HttpClient,
  url: URL,
  headers: OpenOptions['headers'],
): Readonly<Record<string, string>> {
  const cookie = cookies.headerFor(url)
  return {
    accept: '*/*',
    // A compressed part of a resource cannot be read.
    'accept-encoding': 'range' in headers ? 'identity' : 'gzip, deflate, br',
    'user-agent': USER_AGENT,
    ...(cookie === null ? {} : { cookie }),
    ...headers,
  }
}

/** Yields a body until the signal aborts. */
async function* readUntilAborted(response: HttpResponse, signal: AbortSignal): AsyncGenerator<Uint8Array, void> {
  signal.throwIfAborted()
  signal.addEventListener('abort', response.close)
  try {
    yield* response.body
    signal.throwIfAborted()
  } catch (error) {
    signal.throwIfAborted()
    throw error
  } finally {
    signal.removeEventListener('abort', response.close)
  }
}

function rangeHeaders(byteRange: ByteRange | null | undefined): Record<string, string> {
  return byteRange ? { range: `bytes=${byteRange.offset}-${byteRange.offset + byteRange.length - 1}` } : {}
}

function isRedirect(status: number): boolean {
  return status >= 301 && status <= 308 && status !== 304
}

async function readBody(opened: OpenedResponse, options: GetOptions): Promise<FetchResult> {
  const { url, head } = opened
  const { byteRange, maxBytes, acceptsTruncated } = options
  const problem = findHeadProblem(head, options)
  if (problem !== null) {
    const retryAfterMs = readRetryAfterMs(head.status, head.headers.get('retry-after'))
    const failure = { message: problem, status: head.status }
    return { kind: 'failed', failure: retryAfterMs === 0 ? failure : { ...failure, retryAfterMs } }
  }
  const length = lengthToRead(options)
  const body = await readPart(opened, options)
  const isTruncated = body.length > maxBytes
  if (isTruncated && !acceptsTruncated) return fail(`larger than ${maxBytes} bytes`, head.status)
  if (byteRange && body.length < length) return fail('byte range is cut short', head.status)
  const bytes = isTruncated ? body.subarray(0, maxBytes) : body
  return { kind: 'ok', bytes, url, isTruncated, headers: head.headers }
}

/** Returns how much of a resource is to be read: what was requested, and at most one byte over the limit. */
function lengthToRead({ byteRange, maxBytes }: GetOptions): number {
  return Math.min(byteRange?.length ?? Infinity, maxBytes + 1)
}

/**
 * Reads what was requested of a body, which may be the whole resource: with the status 200, and without a Content-Range
 * where it is longer than the requested range.
 */
async function readPart({ head, body }: OpenedResponse, options: GetOptions): Promise<Uint8Array> {
  const { byteRange, maxBytes } = options
  const offset = byteRange && readStart(head) === null ? byteRange.offset : 0
  const read = await readUpTo(body, Math.min(offset, maxBytes) + lengthToRead(options))
  const isWhole = head.status !== 206 || read.length > (byteRange?.length ?? Infinity)
  return isWhole ? read.subarray(offset) : read
}

/** Returns why a response's head does not match the request; `null` if it does. */
function findHeadProblem(response: OpenedResponse['head'], { byteRange, maxBytes }: GetOptions): string | null {
  if (hasWholeBody(response.status)) {
    return byteRange && byteRange.offset > maxBytes ? 'the whole file instead of the requested byte range' : null
  }
  if (response.status !== 206) return `HTTP ${response.status}`
  return byteRange && !startsAt(response, byteRange.offset) ? 'not the requested byte range' : null
}

/** Reports whether a response has the whole resource. Proxies change 200 to 203, and some origins answer 201. */
function hasWholeBody(status: number): boolean {
  return status >= 200 && status <= 299 && ![204, 205, 206].includes(status)
}

/** Returns whether a partial response starts at this offset, or does not say where it starts. */
function startsAt(response: OpenedResponse['head'], offset: number): boolean {
  return (readStart(response) ?? offset) === offset
}

/** Returns the offset at which a partial response says that it starts (RFC 9110 §14.4); `null` where it does not say. */
function readStart({ status, headers }: OpenedResponse['head']): number | null {
  const range = status === 206 ? /^bytes (\d+)-/.exec(headers.get('content-range') ?? '') : null
  return range === null ? null : Number(range[1])
}

/** Returns the first bytes of a body, at most `limit`, without waiting for the rest. */
async function readUpTo(body: OpenedResponse['body'], limit: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of body) {
    const piece = chunk.subarray(0, limit - length)
    chunks.push(piece)
    length += piece.length
    if (length >= limit) break
  }
  return Buffer.concat(chunks, length)
}

function fail(message: string, status: number | null = null): FailedFetch {
  return { kind: 'failed', failure: { message, status } }
}

function forbid(message: string): FailedFetch {
  return { kind: 'failed', failure: { message, status: null, isForbidden: true } }
}

/** Converts an error that was thrown by a fetch or by its body. */
export function toFetchFailure(error: unknown): FetchFailure {
  const cause = findCause(error)
  if (cause instanceof ForbiddenAddressError) return { message: cause.message, status: null, isForbidden: true }
  return { message: cause instanceof Error ? cause.message : String(cause), status: null }
}

/** Returns the innermost cause: fetch itself throws "fetch failed". Where several addresses failed, that of the first. */
function findCause(error: unknown): unknown {
  if (error instanceof AggregateError && error.errors.length > 0) return findCause(error.errors[0])
  return error instanceof Error && error.cause !== undefined ? findCause(error.cause) : error
}
