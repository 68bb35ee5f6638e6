import type { IncomingMessage } from 'node:http'

import { startLocalServer } from '../../shared/testing/local-server.ts'
import { PATIENCE_MS } from '../../shared/testing/until.ts'

/** A received call. */
export type GatewayCall = {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
  readonly atMs: number
}

/** A response. `drop` cuts the connection after the call was received; `hang` never responds. */
export type GatewayAnswer = WholeAnswer | 'drop' | 'hang'

type WholeAnswer = {
  readonly status: number
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** A running fake gateway. */
export type FakeGateway = AsyncDisposable & {
  readonly origin: string
  readonly calls: readonly GatewayCall[]
  /** Resolves with all calls once the condition holds; rejects after the deadline. */
  waitFor(isEnough: (calls: readonly GatewayCall[]) => boolean): Promise<readonly GatewayCall[]>
}

/** The response that accepts a report. */
export const ACCEPTED: WholeAnswer = { status: 200, body: { duplicate: false } }

/** Returns a response with an error code. */
export function refusal(status: number, code: string, details?: unknown): WholeAnswer {
  return { status, body: { error: { code, message: `refused: ${code}`, details } } }
}

/** Starts an HTTP server in place of the gateway. It records all calls and responds by `answer`. */
export async function startFakeGateway(
  answer: (call: GatewayCall, index: number) => GatewayAnswer | Promise<GatewayAnswer>,
): Promise<FakeGateway> {
  const calls: GatewayCall[] = []
  const watchers = new Set<() => void>()
  const server = await startLocalServer(async (request, response) => {
    const call = { ...(await readRequest(request)), atMs: performance.now() }
    calls.push(call)
    for (const watcher of watchers) watcher()
    const result = await answer(call, calls.length - 1)
    if (result === 'drop') response.socket?.destroy()
    else if (result !== 'hang') {
      const headers = { 'content-type': 'application/json', ...result.headers }
      response.writeHead(result.status, headers).end(JSON.stringify(result.body))
    }
  })
  return {
    origin: server.origin,
    calls,
    waitFor: (isEnough) =>
      new Promise((resolve, reject) => {
        const end = (finish: () => void) => {
          clearTimeout(deadline)
          watchers.delete(check)
          finish()
        }
        const check = () => isEnough(calls) && end(() => resolve([...calls]))
        const late = () => reject(new Error(`not within ${PATIENCE_MS} ms; last calls: ${summarize(calls)}`))
        const deadline = setTimeout(() => end(late), PATIENCE_MS)
        watchers.add(check)
        check()
      }),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

async function readRequest(request: IncomingMessage) {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  const { method = '', url: path = '', headers } = request
  return { method, path, headers, body: Buffer.concat(chunks).toString() }
}

function summarize(calls: readonly GatewayCall[]): string {
  return calls
    .slice(-3)
    .map((call) => `${call.method} ${call.path} ${call.body.slice(0, 500)}`)
    .join('\n')
}
