import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { promisify } from 'node:util'
import { constants, gzip } from 'node:zlib'

import { authorize } from './access.ts'
import { handleRequest, type ApiServerState } from './routes.ts'
import { ApiError, toStatus } from './errors.ts'
import { parseRequest } from './request.ts'
import {
  jsonResponse,
  type ApiResponse,
  type ResponseSink,
  type StreamResponse,
  type WholeResponse,
} from './response.ts'
import type { CallFailure, CallFaults } from './call-faults.ts'

/** A received call. `path` includes the query; `status` is 0 until the call is answered. */
export type ReceivedCall = {
  readonly method: string
  readonly path: string
  readonly status: number
  /** The time of its arrival, in ms since 1970. */
  readonly at: number
}

export type ApiServer = {
  /** All received calls, oldest first. */
  readonly calls: readonly ReceivedCall[]
  onRequest(request: IncomingMessage, response: ServerResponse): void
}

type Call = { method: string; path: string; status: number; at: number }

const compress = promisify(gzip)
/** The length above which the API server compresses a response, at the lowest level. */
const MIN_COMPRESSED_CHARS = 128 * 1024

/** Creates the HTTP handler of the API server. */
export function createApiServer(api: ApiServerState, faults: CallFaults): ApiServer {
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

async function serve(api: ApiServerState, faults: CallFaults, { request, response, call }: Exchange): Promise<void> {
  const failure = faults.takeFailure(isWatch(call) ? 'WATCH' : call.method, call.path)
  // A hanging call stays open without a response.
  if (failure?.kind === 'hang') return
  const result = await respond(api, request, failure)
  if (response.destroyed) return
  call.status = 'stream' in result ? 200 : result.status
  response.setHeader('audit-id', randomUUID())
  response.setHeader('cache-control', 'no-cache, private')
  response.setHeader('content-type', result.contentType)
  const isCut = failure?.kind === 'cut'
  if ('stream' in result) writeStream(result, response, isCut)
  else await writeBody(result, response, { isCut, isGzipAccepted: acceptsGzip(request) })
}

function isWatch({ method, path }: Call): boolean {
  return method === 'GET' && /[?&]watch=(?!0|false)/.test(path)
}

function acceptsGzip({ headers }: IncomingMessage): boolean {
  return /\bgzip\b/.test(String(headers['accept-encoding']))
}

async function respond(
  api: ApiServerState,
  request: IncomingMessage,
  failure: CallFailure | null,
): Promise<ApiResponse> {
  if (failure?.kind === 'response') return failure.response
  try {
    const parsed = parseRequest(request)
    authorize(api.access, parsed, request.headers.authorization)
    return await handleRequest(api, parsed)
  } catch (error) {
    if (error instanceof ApiError) return jsonResponse(toStatus(error), error.fields.code)
    const message = `Internal error occurred: ${error instanceof Error ? error.stack : String(error)}`
    return jsonResponse(toStatus(new ApiError({ code: 500, reason: 'InternalError', message })), 500)
  }
}

function writeStream({ stream }: StreamResponse, response: ServerResponse, isCut: boolean): void {
  const closed = new AbortController()
  response.once('close', () => closed.abort())
  response.writeHead(200)
  response.flushHeaders()
  const sink: ResponseSink = {
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

type BodyOptions = { readonly isCut: boolean; readonly isGzipAccepted: boolean }

async function writeBody(
  result: WholeResponse,
  response: ServerResponse,
  { isCut, isGzipAccepted }: BodyOptions,
): Promise<void> {
  const { status, body: text, warnings = [], retryAfterSec = null } = result
  if (warnings.length > 0) {
    response.setHeader(
      'warning',
      warnings.map((warning) => `299 - ${JSON.stringify(warning)}`),
    )
  }
  if (retryAfterSec !== null) response.setHeader('retry-after', String(retryAfterSec))
  const isCompressed = isGzipAccepted && text.length > MIN_COMPRESSED_CHARS
  const body = isCompressed ? await compress(text, { level: constants.Z_BEST_SPEED }) : Buffer.from(text)
  if (isCompressed) response.setHeader('content-encoding', 'gzip').setHeader('vary', 'Accept-Encoding')
  response.writeHead(status, { 'content-length': body.length })
  if (isCut) response.write(body.subarray(0, body.length / 2), () => response.destroy())
  else response.end(body)
}
