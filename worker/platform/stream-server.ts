import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

import { readPort } from './read-port.ts'

/** A request. */
export type StreamRequest = {
  readonly method: string
  /** Path and query, as sent. */
  readonly path: string
  readonly header: (name: string) => string | null
  /** Returns the body; `null` where it is larger than `maxBytes`, or broken off. To be called once. */
  readonly readText: (maxBytes: number) => Promise<string | null>
  /** Aborts when the client leaves. */
  readonly signal: AbortSignal
}

/**
 * A response whose body is sent as it comes into being; `null`: no body. A body that fails is cut, which a client sees as
 * an error: without `Connection: close`, after which undici takes a cut for the end.
 */
export type StreamReply = {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: ((write: WriteBytes) => Promise<void>) | null
}

/** Sends bytes. Resolves when more may be sent; rejects when the client has left or reads nothing for too long. */
export type WriteBytes = (bytes: Buffer) => Promise<void>

export type StreamServer = AsyncDisposable & { readonly port: number }

export type StreamServerOptions = {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  readonly maxConnections: number
  readonly handle: (request: StreamRequest) => Promise<StreamReply>
  /** Receives errors of the handler. The response is 500 then, or is cut. */
  readonly onError: (error: unknown) => void
}

const REQUEST_TIMEOUT_MS = 10_000
/** A client that reads nothing for this long is cut. */
const STALL_MS = 60_000

/**
 * Starts an HTTP server for long responses.
 * @throws Error with a `code` such as EADDRINUSE where it cannot listen
 */
export async function startStreamServer(options: StreamServerOptions): Promise<StreamServer> {
  const server = createServer(
    {
      requestTimeout: REQUEST_TIMEOUT_MS,
      headersTimeout: REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: REQUEST_TIMEOUT_MS / 5,
      noDelay: true,
    },
    (request, response) => {
      respond(options, request, response).catch((error: unknown) => {
        if (!response.destroyed) options.onError(error)
        if (response.headersSent) response.socket?.resetAndDestroy()
        else response.writeHead(500).end()
      })
    },
  )
  server.maxConnections = options.maxConnections
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, options.host, () => {
      server.off('error', reject)
      server.on('error', options.onError)
      resolve()
    })
  })
  return {
    port: readPort(server.address()),
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}

async function respond(options: StreamServerOptions, request: IncomingMessage, response: ServerResponse) {
  const left = new AbortController()
  response.on('close', () => left.abort())
  response.on('error', () => left.abort())
  const { method = '', url: path = '', headers } = request
  const header = (name: string) => {
    const value = headers[name]
    return typeof value === 'string' ? value : null
  }
  const readText = (maxBytes: number) => readBody(request, maxBytes)
  const reply = await options.handle({ method, path, header, readText, signal: left.signal })
  response.writeHead(reply.status, reply.headers)
  response.flushHeaders()
  await reply.body?.((bytes) => writeBytes(response, bytes))
  response.end()
}

async function readBody(request: IncomingMessage, maxBytes: number): Promise<string | null> {
  const chunks: Buffer[] = []
  let length = 0
  try {
    for await (const chunk of request) {
      if (!Buffer.isBuffer(chunk)) return null
      length += chunk.length
      if (length > maxBytes) return null
      chunks.push(chunk)
    }
  } catch {
    return null
  }
  return Buffer.concat(chunks).toString()
}

function writeBytes(response: ServerResponse, bytes: Buffer): Promise<void> {
  if (response.destroyed) return Promise.reject(new Error('the client has left'))
  return response.write(bytes) ? Promise.resolve() : waitForDrain(response)
}

function waitForDrain(response: ServerResponse): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (finish: () => void) => {
      clearTimeout(deadline)
      response.off('drain', onDrain)
      response.off('close', onClose)
      finish()
    }
    const onDrain = () => end(resolve)
    const onClose = () => end(() => reject(new Error('the client has left')))
    const deadline = setTimeout(() => end(() => reject(new Error('the client reads nothing'))), STALL_MS)
    response.on('drain', onDrain)
    response.on('close', onClose)
  })
}
