import { bodyChunks } from '../../../shared/body-chunks.ts'
import { LauncherUnavailable } from '../../workers/launcher.ts'
import type { ApiAnswer } from './api-failure.ts'
import { startDeadline, untilAborted } from './call-deadline.ts'
import type { ClusterAccess, FetchAnswer, FetchRequest } from './cluster-access.ts'
import { createSlots } from './slots.ts'

export type ApiCall = {
  readonly method: FetchRequest['method']
  /** Below the server's address, with its query. */
  readonly path: string
  readonly body?: object
  /** From the call to the end of its answer, in ms; of a stream, to its beginning. */
  readonly withinMs: number
  readonly signal?: AbortSignal
  /** The longest answer that is read. */
  readonly maxBytes: number
  /** Does not wait for other calls. */
  readonly isUrgent?: boolean
}

export type Api = {
  /** An answer of whatever status, read to its end. @throws LauncherUnavailable */
  call(call: ApiCall): Promise<ApiAnswer>
  /** The same, but a success is handed over as it comes in, until `signal` aborts. @throws LauncherUnavailable */
  open(call: ApiCall & { readonly signal: AbortSignal }): Promise<ApiAnswer | ReadableStream<Uint8Array>>
}

type Access = Pick<ClusterAccess, 'server' | 'token' | 'fetch'>

/** Calls at a time: a pass that deletes hundreds of Pods must not flood the server. */
const AT_A_TIME = 10

/** HTTP to an API server: authorised, with a deadline on each call, bounded in number and in size. */
export function createApi(access: Access): Api {
  const slots = createSlots(AT_A_TIME)
  return {
    async call(call) {
      const deadline = startDeadline(call.withinMs, call.signal)
      let giveBack = () => {}
      try {
        if (call.isUrgent !== true) giveBack = await slots.take(deadline.signal)
        const answer = await fetchAuthorised(access, call, deadline.signal)
        return await readAnswer(answer, { maxBytes: call.maxBytes, signal: deadline.signal })
      } catch (error) {
        throw unreachable(error, deadline.signal)
      } finally {
        giveBack()
        deadline.end()
      }
    },
    async open(call) {
      const deadline = startDeadline(call.withinMs, call.signal)
      try {
        const answer = await fetchAuthorised(access, call, deadline.signal)
        if (answer.status === 200 && answer.body !== null) return answer.body
        return await readAnswer(answer, { maxBytes: call.maxBytes, signal: deadline.signal })
      } catch (error) {
        throw unreachable(error, deadline.signal)
      } finally {
        deadline.stopClock()
      }
    },
  }
}

/** A token that the server takes no more may have been replaced: it is asked for again, and a new one is tried once. */
async function fetchAuthorised(access: Access, call: ApiCall, signal: AbortSignal): Promise<FetchAnswer> {
  const token = await untilAborted(access.token(), signal)
  const answer = await send(access, call, token, signal)
  if (answer.status !== 401) return answer
  const newToken = await untilAborted(access.token(), signal)
  if (newToken === token) return answer
  await answer.body?.cancel()
  return send(access, call, newToken, signal)
}

async function send(
  { server, fetch }: Access,
  { method, path, body }: ApiCall,
  token: string | null,
  signal: AbortSignal,
): Promise<FetchAnswer> {
  const headers = {
    Accept: 'application/json',
    // Compressing a list costs both sides more than a cluster's network does.
    'Accept-Encoding': 'identity',
    'User-Agent': 'tallylight',
    ...(token === null ? {} : { Authorization: `Bearer ${token}` }),
    ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
  }
  const sent = body === undefined ? {} : { body: JSON.stringify(body) }
  return fetch(server.replace(/\/+$/, '') + path, { method, headers, ...sent, redirect: 'manual', signal })
}

type Limits = { readonly maxBytes: number; readonly signal: AbortSignal }

async function readAnswer(answer: FetchAnswer, limits: Limits): Promise<ApiAnswer> {
  const { status, headers } = answer
  const dateMs = Date.parse(headers.get('date') ?? '')
  const retryAfter = headers.get('retry-after') ?? ''
  return {
    status,
    dateMs: Number.isNaN(dateMs) ? Date.now() : dateMs,
    retryAfterMs: /^\d+$/.test(retryAfter) ? Number(retryAfter) * 1000 : null,
    text: await readText(answer.body, limits),
  }
}

/** Decoded in one piece: chunk by chunk takes many times as long. */
async function readText(body: FetchAnswer['body'], { maxBytes, signal }: Limits): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of bodyChunks(body, signal)) {
    chunks.push(chunk)
    bytes += chunk.byteLength
    if (bytes > maxBytes) throw new Error(`it answered with more than ${maxBytes} bytes`)
  }
  return new TextDecoder().decode(joined(chunks, bytes))
}

function joined(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.byteLength
  }
  return whole
}

function unreachable(error: unknown, signal: AbortSignal): LauncherUnavailable {
  const cause: unknown = signal.aborted ? signal.reason : error
  return new LauncherUnavailable(`the API server cannot be reached: ${describe(cause)}`, null, { cause })
}

/** fetch says `fetch failed` and why in its cause; a refused connection has a code and no message. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.message === 'fetch failed' && error.cause !== undefined) return describe(error.cause)
  return error.message === '' && 'code' in error ? String(error.code) : error.message
}
