import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

/** An HTTP server on a free port of 127.0.0.1; disposing of it cuts every connection. */
export type LocalServer = AsyncDisposable & { readonly origin: string }

/** Starts one. A handler that throws answers 500 with its message, so that a test sees it. */
export async function startLocalServer(
  handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
): Promise<LocalServer> {
  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)))
  })
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

/** What a server can do instead of answering well; a number is a bare status, `huge` goes on for 256 MiB. */
export type BadAnswer =
  | number
  | { readonly status: number; readonly headers: Readonly<Record<string, string>> }
  | 'hang'
  | 'reset'
  | 'drip'
  | 'huge'

const DRIP_INTERVAL_MS = 1000
const HUGE_CHUNKS = 4096
const HUGE_CHUNK = Buffer.alloc(64 * 1024, '#EXT-X-FILLER\n')

/** Answers one request badly. */
export function answerBadly(response: ServerResponse, answer: BadAnswer): void {
  if (typeof answer === 'number') response.writeHead(answer).end()
  else if (typeof answer === 'object') response.writeHead(answer.status, answer.headers).end()
  else if (answer === 'reset') response.socket?.resetAndDestroy()
  else if (answer === 'drip') drip(response)
  else if (answer === 'huge') pour(response.writeHead(200), HUGE_CHUNKS)
  else answer satisfies 'hang'
}

/** One byte a second, for ever. */
function drip(response: ServerResponse): void {
  response.writeHead(200)
  const timer = setInterval(() => response.write('#'), DRIP_INTERVAL_MS)
  response.on('close', () => clearInterval(timer))
}

/** As fast as the other side reads, until it leaves. */
function pour(response: ServerResponse, chunks: number): void {
  if (chunks === 0) response.end()
  else response.write(HUGE_CHUNK, (error) => error ?? pour(response, chunks - 1))
}
