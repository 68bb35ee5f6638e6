import dns from 'node:dns'

import ky from 'ky'
import { Agent, buildConnector, type Dispatcher, EnvHttpProxyAgent, fetch as undiciFetch } from 'undici'

import { bodyChunks } from '../../shared/body-chunks.ts'
import { guardConnector, guardLookup } from '../../shared/guarded-lookup.ts'
import { type AddressPolicy, checkUrl, ForbiddenAddressError } from '../../shared/safe-url.ts'

/** The forward proxies of the environment (`HTTP_PROXY`, `HTTPS_PROXY`, `NO_PROXY`). */
export type Proxies = { readonly http: string | null; readonly https: string | null; readonly except: string | null }

/** A part of a resource, in bytes. */
export type ByteRange = { readonly offset: number; readonly length: number }

/**
 * Trouble in fetching something; `status` is the HTTP status where there was an answer. `isForbidden`: it was never
 * asked for, because the policy does not allow its address.
 */
export type FetchTrouble = { readonly message: string; readonly status: number | null; readonly isForbidden?: true }

export type GetOptions = {
  /** Covers everything from the look-up of the name to the last byte of the body, redirects included. */
  readonly timeoutMs: number
  /** A body that is longer is cut off and is trouble, unless its beginning is of use too. */
  readonly maxBytes: number
  readonly beginningWillDo?: boolean
  readonly signal: AbortSignal
  /** Only this part of the resource (RFC 9110 §14.2); a server that sends all of it is understood too. */
  readonly byteRange?: ByteRange | null
}

/** `url` is where the answer came from after redirects: relative references resolve against it. */
export type Fetched =
  | { readonly kind: 'ok'; readonly bytes: Uint8Array; readonly url: string; readonly isCut: boolean }
  | { readonly kind: 'trouble'; readonly trouble: FetchTrouble }

/** An answer whose body is still to be read, and where it came from after redirects. */
export type Opened =
  | {
      readonly kind: 'answer'
      readonly url: string
      readonly head: Pick<Response, 'status' | 'headers'>
      /** To be read once; throws when the signal aborts. */
      readonly body: AsyncIterable<Uint8Array>
    }
  | { readonly kind: 'trouble'; readonly trouble: FetchTrouble }

export type OpenOptions = {
  readonly headers: Readonly<Record<string, string>>
  /** Ends the reading of the body too. Whoever does not read it to the end aborts it. */
  readonly signal: AbortSignal
}

export type Fetcher = {
  /** What it may reach; programs that fetch on its behalf are held to the same. */
  readonly policy: AddressPolicy
  /** One try; every failure, an abort included, is a value. */
  get(url: string, options: GetOptions): Promise<Fetched>
  /** One try at what is too large to be kept in memory; trouble while the body is read is thrown. */
  open(url: string, options: OpenOptions): Promise<Opened>
  [Symbol.asyncDispose](): Promise<void>
}

const MAX_REDIRECTS = 5
const USER_AGENT = 'Mozilla/5.0 (compatible; Tallylight)'

/**
 * The one way by which the worker fetches what others serve. Where private networks are forbidden, each redirect's URL
 * is judged before it is followed, and the address that a name resolves to when the connection is made. Behind a proxy
 * the names are resolved there, so that only the URLs can be judged.
 */
export function createFetcher(options: { readonly policy: AddressPolicy; readonly proxies: Proxies }): Fetcher {
  const dispatcher = createDispatcher(options.policy, options.proxies)
  const client = createClient(dispatcher)
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
        const answer = await follow(client, url, { policy: options.policy, signal: abort.signal, headers })
        return answer.kind === 'answer' ? await read(answer, getOptions) : answer
      } catch (error) {
        if (getOptions.signal.aborted) return trouble('aborted')
        if (abort.signal.aborted) return trouble(`no complete answer within ${getOptions.timeoutMs / 1000} s`)
        return { kind: 'trouble', trouble: troubleOf(error) }
      } finally {
        clearTimeout(deadline)
        getOptions.signal.removeEventListener('abort', stop)
        // Whatever is still under way (a body that nobody wants) ends here.
        stop()
      }
    },
    async open(url, openOptions) {
      try {
        return await follow(client, url, { policy: options.policy, ...openOptions })
      } catch (error) {
        return openOptions.signal.aborted ? trouble('aborted') : { kind: 'trouble', trouble: troubleOf(error) }
      }
    },
    [Symbol.asyncDispose]: () => dispatcher.destroy(),
  }
}

function createDispatcher(policy: AddressPolicy, proxies: Proxies): Dispatcher {
  const connect = policy.allowPrivateNetworks
    ? buildConnector({})
    : guardConnector(buildConnector({ lookup: guardLookup(dns.lookup) }))
  // The deadline of each call covers headers and body.
  const options = { connect, headersTimeout: 0, bodyTimeout: 0 }
  if (proxies.http === null && proxies.https === null) return new Agent(options)
  return new EnvHttpProxyAgent({
    ...options,
    proxyTunnel: false,
    httpProxy: proxies.http ?? '',
    httpsProxy: proxies.https ?? '',
    noProxy: proxies.except ?? '',
  })
}

type Client = ReturnType<typeof createClient>

/** ky over undici's own fetch: only that one understands the dispatcher of the same package. */
function createClient(dispatcher: Dispatcher) {
  return ky.create({
    retry: 0,
    timeout: false,
    throwHttpErrors: false,
    redirect: 'manual',
    headers: { 'user-agent': USER_AGENT },
    fetch: async (input) => {
      const request = input instanceof Request ? input : new Request(input)
      const { method, signal, redirect } = request
      const headers = [...request.headers]
      return undiciFetch(request.url, { method, headers, signal, redirect, dispatcher })
    },
  })
}

/** A response that is no redirect, and its URL. */
type Answer = Extract<Opened, { readonly kind: 'answer' }>
type Trouble = Extract<Opened, { readonly kind: 'trouble' }>

type Journey = OpenOptions & { readonly policy: AddressPolicy }

async function follow(client: Client, start: string, journey: Journey): Promise<Opened> {
  let url = start
  let status: number | null = null
  for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
    const verdict = checkUrl(url, journey.policy)
    if (!verdict.ok) return forbidden(`URL ${verdict.problem}`)
    const { headers, signal } = journey
    const response = await client.get(verdict.url, { headers, signal })
    const location = response.headers.get('location')
    status = response.status
    if (!isRedirect(status) || location === null) {
      return { kind: 'answer', url, head: response, body: bodyChunks(response.body, signal) }
    }
    await response.body?.cancel()
    if (!URL.canParse(location, url)) return trouble('redirected to what is not a URL', status)
    url = new URL(location, url).href
  }
  return trouble(`more than ${MAX_REDIRECTS} redirects`, status)
}

function rangeHeaders(byteRange: ByteRange | null | undefined): Record<string, string> {
  return byteRange ? { range: `bytes=${byteRange.offset}-${byteRange.offset + byteRange.length - 1}` } : {}
}

function isRedirect(status: number): boolean {
  return status >= 301 && status <= 308 && status !== 304
}

async function read({ url, head, body: chunks }: Answer, options: GetOptions): Promise<Fetched> {
  const { byteRange, maxBytes, beginningWillDo } = options
  const problem = problemOf(head, options)
  if (problem !== null) return trouble(problem, head.status)
  const { start, length } = wantedPart(head, options)
  const body = (await readUpTo(chunks, start + length)).subarray(start)
  const isCut = body.length > maxBytes
  if (isCut && !beginningWillDo) return trouble(`larger than ${maxBytes} bytes`, head.status)
  if (byteRange && body.length < length) return trouble('byte range is cut short', head.status)
  return { kind: 'ok', bytes: isCut ? body.subarray(0, maxBytes) : body, url, isCut }
}

/** Which part of the body to take, at most one byte more than is allowed: the whole resource holds more than its range. */
function wantedPart(
  { status }: Answer['head'],
  { byteRange, maxBytes }: GetOptions,
): { start: number; length: number } {
  const length = Math.min(byteRange?.length ?? Infinity, maxBytes + 1)
  return { start: status === 200 ? (byteRange?.offset ?? 0) : 0, length }
}

/** Why an answer is not what was asked for, before its body is read. */
function problemOf(response: Answer['head'], { byteRange, maxBytes }: GetOptions): string | null {
  if (response.status === 200) {
    return byteRange && byteRange.offset > maxBytes ? 'the whole file instead of the byte range asked for' : null
  }
  if (response.status !== 206) return `HTTP ${response.status}`
  return byteRange && !startsAt(response, byteRange.offset) ? 'another byte range than asked for' : null
}

/** RFC 9110 §14.4: the answer says which part it holds. */
function startsAt(response: Answer['head'], offset: number): boolean {
  const range = /^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')
  return range === null || Number(range[1]) === offset
}

/** The body's first bytes, at most `limit`; the rest is not waited for. */
async function readUpTo(body: Answer['body'], limit: number): Promise<Uint8Array> {
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

function trouble(message: string, status: number | null = null): Trouble {
  return { kind: 'trouble', trouble: { message, status } }
}

function forbidden(message: string): Trouble {
  return { kind: 'trouble', trouble: { message, status: null, isForbidden: true } }
}

/** What was thrown while something was fetched, or while its body was read. */
export function troubleOf(error: unknown): FetchTrouble {
  const reason = reasonOf(error)
  if (reason instanceof ForbiddenAddressError) return { message: reason.message, status: null, isForbidden: true }
  return { message: reason instanceof Error ? reason.message : String(reason), status: null }
}

/** fetch says "fetch failed" and hides the reason in its cause; of several addresses tried, the first one's is told. */
function reasonOf(error: unknown): unknown {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0])
  return error instanceof Error && error.cause !== undefined ? reasonOf(error.cause) : error
}
