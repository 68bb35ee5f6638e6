/**
 * One HTTP request and its response, as tolerant as players are: what breaks a rule of HTTP is repaired before Node's
 * lenient parser reads it, and UTF-8 in header values stays. A body that is cut short is still an error.
 */

import http from 'node:http'
import https from 'node:https'
import type { Socket } from 'node:net'
import { pipeline, Readable, type Transform } from 'node:stream'
import zlib from 'node:zlib'

import type { HttpRoute } from './http-agents.ts'
import { createResponseRepair, MAX_HEAD_BYTES } from './response-repair.ts'

/** A response whose body is not yet read. */
export type HttpResponse = {
  readonly status: number
  readonly headers: Headers
  /** The `Set-Cookie` lines. */
  readonly cookies: readonly string[]
  /** The decompressed body. It can be read once; leaving the loop closes the connection. */
  readonly body: AsyncIterable<Uint8Array>
  /** Closes the connection without reading the body. */
  close(): void
}

/**
 * Sends a GET request. A kept connection that the server has closed meanwhile is replaced once.
 * @throws the error of the connection; an abort is an error of the name `AbortError`
 */
export async function exchange(
  route: HttpRoute,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<HttpResponse> {
  try {
    return await attemptExchange(route, headers, signal)
  } catch (error) {
    if (!(error instanceof StaleConnectionError)) throw error
    return await attemptExchange(route, headers, signal)
  }
}

/** A connection was closed before the end of the body. */
class CutBodyError extends Error {
  constructor() {
    super('the connection was closed before the end of the body')
  }
}

/** A kept connection was closed before the response. */
class StaleConnectionError extends Error {}

function attemptExchange(
  { isSecure, options }: HttpRoute,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<HttpResponse> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    const request = (isSecure ? https : http).request({
      ...options,
      headers: { ...options.headers, ...headers },
      insecureHTTPParser: true,
      maxHeaderSize: MAX_HEAD_BYTES,
    })
    const abort = () => request.destroy(new DOMException('aborted', 'AbortError'))
    signal.addEventListener('abort', abort)
    let response: http.IncomingMessage | null = null
    request.on('socket', repairResponse)
    // Also after the response: an error event without a listener would end the process.
    request.on('error', (error: NodeJS.ErrnoException) => {
      const isStale = request.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE')
      if (response === null) reject(isStale && !signal.aborted ? new StaleConnectionError(error.message) : error)
      else if (!response.complete) response.destroy(error)
    })
    request.on('close', () => signal.removeEventListener('abort', abort))
    request.on('response', (received) => {
      response = received
      received.on('error', () => {})
      resolve(toResponse(received))
    })
    request.end()
  })
}

/** Repairs what a socket receives from now on, up to the end of one response. More than that closes it. */
function repairResponse(socket: Socket): void {
  const repair = createResponseRepair()
  const push = (bytes: Buffer | null): boolean => Readable.prototype.push.call(socket, bytes)
  // The socket's handle pushes what it reads, and `null` at the end.
  socket.push = (bytes: Buffer | null): boolean => {
    if (bytes === null) {
      const rest = repair.end()
      if (rest.length > 0) push(rest)
      return push(null)
    }
    const takesMore = push(repair.write(bytes))
    if (repair.hasSurplus()) socket.destroy()
    return takesMore
  }
}

function toResponse(received: http.IncomingMessage): HttpResponse {
  return {
    status: received.statusCode ?? 0,
    headers: toHeaders(received.rawHeaders),
    cookies: received.headers['set-cookie'] ?? [],
    body: readChunks(received),
    close: () => received.destroy(),
  }
}

/** Converts raw headers, skipping those that a Headers object refuses. */
function toHeaders(raw: readonly string[]): Headers {
  const headers = new Headers()
  for (let index = 0; index + 1 < raw.length; index += 2) {
    try {
      headers.append(raw[index] ?? '', raw[index + 1] ?? '')
    } catch {
      // Not a header by the Fetch standard: nothing of ours reads it.
    }
  }
  return headers
}

/** Decodes a header value as UTF-8, as browsers do; one that is not UTF-8 stays Latin-1. */
export function decodeHeader(value: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(value, 'latin1'))
  } catch {
    return value
  }
}

async function* readChunks(received: http.IncomingMessage): AsyncGenerator<Uint8Array, void> {
  let stream: Readable = received
  try {
    for (const create of listDecoders(received.headers['content-encoding'])) {
      // The callback takes the error that the iteration throws as well.
      stream = pipeline(stream, create(await peekByte(stream)), () => {})
    }
    for await (const chunk of stream) yield chunk
  } catch (error) {
    if (error instanceof Error && error.message === 'aborted') throw new CutBodyError()
    throw error
  } finally {
    stream.destroy()
    received.destroy()
  }
}

/** Returns the first byte of a stream, which keeps it; 0 where the stream is empty. */
async function peekByte(stream: Readable): Promise<number> {
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
    stream.unshift(chunk)
    return Buffer.from(chunk)[0] ?? 0
  }
  return 0
}

/** Creates the decoder of a body that begins with this byte. */
type DecoderFactory = (firstByte: number) => Transform

const LENIENT = { flush: zlib.constants.Z_SYNC_FLUSH, finishFlush: zlib.constants.Z_SYNC_FLUSH }

/** Method of compression that the first byte of a zlib header names (RFC 1950 §2.2). */
const ZLIB_DEFLATE = 8

const DECODERS: ReadonlyMap<string, DecoderFactory> = new Map<string, DecoderFactory>([
  ['gzip', () => zlib.createGunzip(LENIENT)],
  ['x-gzip', () => zlib.createGunzip(LENIENT)],
  // Some servers leave out the zlib header (RFC 9110 §8.4.1.2).
  ['deflate', (first) => (first % 16 === ZLIB_DEFLATE ? zlib.createInflate(LENIENT) : zlib.createInflateRaw(LENIENT))],
  ['br', () => zlib.createBrotliDecompress()],
])

/** Most encodings of one body. Each of them can multiply its size. */
const MAX_ENCODINGS = 3

/** Lists the decoders of a body, the first to be used first; none where an encoding was not offered, or for too many. */
function listDecoders(encoding = ''): readonly DecoderFactory[] {
  const names = encoding.split(',').map((name) => name.trim().toLowerCase())
  const applied = names.filter((name) => name !== '' && name !== 'identity')
  const decoders = applied.flatMap((name) => DECODERS.get(name) ?? [])
  return decoders.length === applied.length && decoders.length <= MAX_ENCODINGS ? decoders.toReversed() : []
}
