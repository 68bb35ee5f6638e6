import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

/** An HTTP server on a free port of 127.0.0.1; disposing of it closes all connections. */
export type LocalServer = AsyncDisposable & { readonly origin: string }

/**
 * Starts a server. If the handler throws, the response is 500 with the error, so that the test shows it. Without
 * `onUpgrade`, a request for another protocol is a request as any other; with it, disposing of the server leaves these
 * connections open.
 */
export async function startLocalServer(
  handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
  onUpgrade?: (request: IncomingMessage, client: Duplex) => void,
): Promise<LocalServer> {
  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)))
  })
  if (onUpgrade !== undefined) server.on('upgrade', onUpgrade)
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('a listening server has an address')
  return {
    origin: `http://127.0.0.1:${address.port}`,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((done) => server.close(done))
      server.closeAllConnections()
      await closed
    },
  }
}

/** A faulty response: a number is a status without a body, `huge` a body of 256 MiB. */
export type FaultyResponse =
  | number
  | { readonly status: number; readonly headers: Readonly<Record<string, string>> }
  | 'hang'
  | 'reset'
  | 'drip'
  | 'huge'

const DRIP_INTERVAL_MS = 1000
const HUGE_CHUNKS = 4096
const HUGE_CHUNK = Buffer.alloc(64 * 1024, '#EXT-X-FILLER\n')

/** Sends a faulty response. */
export function sendFaultyResponse(response: ServerResponse, answer: FaultyResponse): void {
  if (typeof answer === 'number') response.writeHead(answer).end()
  else if (typeof answer === 'object') response.writeHead(answer.status, answer.headers).end()
  else if (answer === 'reset') response.socket?.resetAndDestroy()
  else if (answer === 'drip') sendSlowly(response)
  else if (answer === 'huge') sendChunks(response.writeHead(200), HUGE_CHUNKS)
  else answer satisfies 'hang'
}

/** Sends one byte a second until the client disconnects. */
function sendSlowly(response: ServerResponse): void {
  response.writeHead(200)
  const timer = setInterval(() => response.write('#'), DRIP_INTERVAL_MS)
  response.on('close', () => clearInterval(timer))
}

/** Sends chunks as fast as the client reads, until it disconnects. */
function sendChunks(response: ServerResponse, chunks: number): void {
  if (chunks === 0) response.end()
  else response.write(HUGE_CHUNK, (error) => error ?? sendChunks(response, chunks - 1))
}
