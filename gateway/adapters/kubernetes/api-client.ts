import { readBodyChunks } from '../../../shared/net/body-chunks.ts'
import { LauncherUnavailable } from '../../ports/launcher.ts'
import type { ApiResponse } from './api-response.ts'
import { rejectOnAbort, startDeadline } from '../call-deadline.ts'
import type { ClusterAccess, FetchRequest, FetchResponse } from './cluster-access.ts'
import { createSemaphore } from '../semaphore.ts'

export type ApiCall = {
  readonly method: FetchRequest['method']
  /** The path below the server's address, with its query. */
  readonly path: string
  readonly body?: object
  /** The time from the call to the end of the response, in ms; of a stream, to its beginning. */
  readonly timeoutMs: number
  readonly signal?: AbortSignal
  /** The longest response that is read. */
  readonly maxBytes: number
  /** An urgent call does not wait for other calls. */
  readonly isUrgent?: boolean
}

export type ApiClient = {
  /** Resolves with a response of any status, read to its end. @throws LauncherUnavailable */
  call(call: ApiCall): Promise<ApiResponse>
  /**
   * Resolves with the body of a 200 as a stream, open until `signal` aborts, or with any other response.
   * @throws LauncherUnavailable
   */
  open(call: ApiCall & { readonly signal: AbortSignal }): Promise<ApiResponse | ReadableStream<Uint8Array>>
}

export type ApiAccess = Pick<ClusterAccess, 'server' | 'getToken' | 'fetch'>

/** A reconcile pass may delete hundreds of Pods and must not flood the server. */
const MAX_CONCURRENT_CALLS = 10

/** Creates an HTTP client of an API server: authorised, with a timeout per call, bounded in concurrency and in size. */
export function createApiClient(access: ApiAccess): ApiClient {
  const semaphore = createSemaphore(MAX_CONCURRENT_CALLS)
  return {
    async call(call) {
      const deadline = startDeadline(call.timeoutMs, call.signal)
      let release = () => {}
      try {
        if (call.isUrgent !== true) release = await semaphore.acquire(deadline.signal)
        const response = await fetchAuthorised(access, call, deadline.signal)
        return await readResponse(response, { maxBytes: call.maxBytes, signal: deadline.signal })
      } catch (error) {
        throw toUnavailable(error, deadline.signal)
      } finally {
        release()
        deadline.dispose()
      }
    },
    async open(call) {
      const deadline = startDeadline(call.timeoutMs, call.signal)
      try {
        const response = await fetchAuthorised(access, call, deadline.signal)
        if (response.status === 200 && response.body !== null) return response.body
        return await readResponse(response, { maxBytes: call.maxBytes, signal: deadline.signal })
      } catch (error) {
        throw toUnavailable(error, deadline.signal)
      } finally {
        deadline.disarm()
      }
    },
  }
}

/** Sends a call with the current token. After a 401 it reads the token again and repeats the call once if it changed. */
async function fetchAuthorised(access: ApiAccess, call: ApiCall, signal: AbortSignal): Promise<FetchResponse> {
  const token = await rejectOnAbort(access.getToken(), signal)
  const response = await send(access, call, token, signal)
  if (response.status !== 401) return response
  const newToken = await rejectOnAbort(access.getToken(), signal)
  if (newToken === token) return response
  await response.body?.cancel()
  return send(access, call, newToken, signal)
}

async function send(
  { server, fetch }: ApiAccess,
  { method, path, body }: ApiCall,
  token: string | null,
  signal: AbortSignal,
): Promise<FetchResponse> {
  const headers = {
    Accept: 'application/json',
    // Compressing a list costs both sides more time than the network inside a cluster.
    'Accept-Encoding': 'identity',
    'User-Agent': 'tallylight',
    ...(token === null ? {} : { Authorization: `Bearer ${token}` }),
    ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
  }
  const payload = body === undefined ? {} : { body: JSON.stringify(body) }
  return fetch(server.replace(/\/+$/, '') + path, { method, headers, ...payload, redirect: 'manual', signal })
}

type ReadLimits = { readonly maxBytes: number; readonly signal: AbortSignal }

async function readResponse(response: FetchResponse, limits: ReadLimits): Promise<ApiResponse> {
  const { status, headers } = response
  const dateMs = Date.parse(headers.get('date') ?? '')
  const retryAfter = headers.get('retry-after') ?? ''
  return {
    status,
    serverTimeMs: Number.isNaN(dateMs) ? Date.now() : dateMs,
    retryAfterMs: /^\d+$/.test(retryAfter) ? Number(retryAfter) * 1000 : null,
    body: await readText(response.body, limits),
  }
}

/** Reads a body and decodes it in one piece: decoding chunk by chunk takes many times as long. */
async function readText(body: FetchResponse['body'], { maxBytes, signal }: ReadLimits): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of readBodyChunks(body, signal)) {
    chunks.push(chunk)
    bytes += chunk.byteLength
    if (bytes > maxBytes) throw new Error(`the response is longer than ${maxBytes} bytes`)
  }
  return new TextDecoder().decode(concatBytes(chunks, bytes))
}

function concatBytes(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length)
  let offset = 0
  for (const chunk of chunks) {
    whole.set(chunk, offset)
    offset += chunk.byteLength
  }
  return whole
}

function toUnavailable(error: unknown, signal: AbortSignal): LauncherUnavailable {
  const cause: unknown = signal.aborted ? signal.reason : error
  return new LauncherUnavailable(`the API server cannot be reached: ${describeError(cause)}`, null, { cause })
}

/** Returns the useful text of an error: `fetch failed` has it in its cause, a refused connection only has a code. */
function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.message === 'fetch failed' && error.cause !== undefined) return describeError(error.cause)
  return error.message === '' && 'code' in error ? String(error.code) : error.message
}
