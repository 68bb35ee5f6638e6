import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { promisify } from 'node:util'
import { constants, gzip } from 'node:zlib'

import { authorize } from './access.ts'
import { answerCall, type Api } from './api.ts'
import { ApiError, statusOf } from './api-error.ts'
import { parseRequest } from './api-request.ts'
import { jsonAnswer, type Answer, type Sink, type StreamAnswer, type WholeAnswer } from './answer.ts'
import type { CallFailure, CallFaults } from './call-faults.ts'

/** One call that came in; `path` with its query, `status` 0 until it is answered. */
export type RecordedCall = {
  readonly method: string
  readonly path: string
  readonly status: number
  /** Milliseconds since 1970. */
  readonly at: number
}

export type ApiServer = {
  /** All calls that came in, oldest first. */
  readonly calls: readonly RecordedCall[]
  onRequest(request: IncomingMessage, response: ServerResponse): void
}

type Call = { method: string; path: string; status: number; at: number }

const compress = promisify(gzip)
/** From which size on the API server compresses an answer, at the lowest level. */
const COMPRESSED_FROM_CHARS = 128 * 1024

export function createApiServer(api: Api, faults: CallFaults): ApiServer {
  const calls: Call[] = []
  return {
    calls,
    onRequest(request, response) {
      const call = { method: request.method ?? '', path: request.url ?? '', status: 0, at: Date.now() }
      calls.push(call)
      void serve(api, faults, { request, response, call })
    },
  }
}

type Exchange = { readonly request: IncomingMessage; readonly response: ServerResponse; readonly call: Call }

async function serve(api: Api, faults: CallFaults, { request, response, call }: Exchange): Promise<void> {
  const failure = faults.take(isWatch(call) ? 'WATCH' : call.method, call.path)
  // A call that hangs has been taken, and is never answered.
  if (failure?.kind === 'hang') return
  const answer = await answerOf(api, request, failure)
  if (response.destroyed) return
  call.status = 'stream' in answer ? 200 : answer.status
  response.setHeader('audit-id', randomUUID())
  response.setHeader('cache-control', 'no-cache, private')
  response.setHeader('content-type', answer.contentType)
  const isCut = failure?.kind === 'cut'
  if ('stream' in answer) writeStream(answer, response, isCut)
  else await writeWhole(answer, response, { isCut, takesGzip: isGzipTaken(request) })
}

function isWatch({ method, path }: Call): boolean {
  return method === 'GET' && /[?&]watch=(?!0|false)/.test(path)
}

function isGzipTaken({ headers }: IncomingMessage): boolean {
  return /\bgzip\b/.test(String(headers['accept-encoding']))
}

async function answerOf(api: Api, request: IncomingMessage, failure: CallFailure | null): Promise<Answer> {
  if (failure?.kind === 'answer') return failure.answer
  try {
    const parsed = parseRequest(request)
    authorize(api.access, parsed, request.headers.authorization)
    return await answerCall(api, parsed)
  } catch (error) {
    if (error instanceof ApiError) return jsonAnswer(statusOf(error), error.fields.code)
    const message = `Internal error occurred: ${error instanceof Error ? error.stack : String(error)}`
    return jsonAnswer(statusOf(new ApiError({ code: 500, reason: 'InternalError', message })), 500)
  }
}

function writeStream({ stream }: StreamAnswer, response: ServerResponse, isCut: boolean): void {
  const closed = new AbortController()
  response.once('close', () => closed.abort())
  response.writeHead(200)
  response.flushHeaders()
  const sink: Sink = {
    write(text) {
      if (response.writableEnded || response.destroyed) return
      if (!isCut) response.write(text)
      else response.write(text.slice(0, text.length / 2), () => response.destroy())
    },
    end: () => void response.end(),
    cut: () => void response.destroy(),
    closed: closed.signal,
  }
  stream(sink)
}

type Writing = { readonly isCut: boolean; readonly takesGzip: boolean }

async function writeWhole(answer: WholeAnswer, response: ServerResponse, { isCut, takesGzip }: Writing): Promise<void> {
  const { status, body: whole, warnings = [], retryAfterSec = null } = answer
  if (warnings.length > 0) {
    response.setHeader(
      'warning',
      warnings.map((said) => `299 - ${JSON.stringify(said)}`),
    )
  }
  if (retryAfterSec !== null) response.setHeader('retry-after', String(retryAfterSec))
  const isCompressed = takesGzip && whole.length > COMPRESSED_FROM_CHARS
  const body = isCompressed ? await compress(whole, { level: constants.Z_BEST_SPEED }) : Buffer.from(whole)
  if (isCompressed) response.setHeader('content-encoding', 'gzip').setHeader('vary', 'Accept-Encoding')
  response.writeHead(status, { 'content-length': body.length })
  if (isCut) response.write(body.subarray(0, body.length / 2), () => response.destroy())
  else response.end(body)
}
