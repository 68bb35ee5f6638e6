import type { IncomingMessage } from 'node:http'

import { startLocalServer } from './local-server.ts'

/** A call as it came in. */
export type Call = {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
  readonly atMs: number
}

/** An answer; `drop` cuts the connection once the call has come in, `hang` never answers. */
export type Answer = { readonly status: number; readonly body: unknown } | 'drop' | 'hang'

export type FakeGateway = AsyncDisposable & {
  readonly origin: string
  readonly calls: readonly Call[]
  /** Resolves with the calls once enough of them have come; fails after the deadline. */
  waitFor(isEnough: (calls: readonly Call[]) => boolean, timeoutMs?: number): Promise<readonly Call[]>
}

export const ACCEPTED: Answer = { status: 200, body: { duplicate: false } }

export function refusal(status: number, code: string, details?: unknown): Answer {
  return { status, body: { error: { code, message: `refused: ${code}`, details } } }
}

const DEADLINE_MS = 45_000

/** An HTTP server in the gateway's place that keeps every call and answers as it is told, one after the other. */
export async function startFakeGateway(
  answer: (call: Call, index: number) => Answer | Promise<Answer>,
): Promise<FakeGateway> {
  const calls: Call[] = []
  const watchers = new Set<() => void>()
  const server = await startLocalServer(async (request, response) => {
    const call = { ...(await read(request)), atMs: performance.now() }
    calls.push(call)
    for (const watcher of watchers) watcher()
    const said = await answer(call, calls.length - 1)
    if (said === 'drop') response.socket?.destroy()
    else if (said !== 'hang') {
      response.writeHead(said.status, { 'content-type': 'application/json' }).end(JSON.stringify(said.body))
    }
  })
  return {
    origin: server.origin,
    calls,
    waitFor: (isEnough, timeoutMs = DEADLINE_MS) =>
      new Promise((resolve, reject) => {
        const end = (finish: () => void) => {
          clearTimeout(deadline)
          watchers.delete(look)
          finish()
        }
        const look = () => isEnough(calls) && end(() => resolve([...calls]))
        const late = () => reject(new Error(`not within ${timeoutMs} ms; last calls: ${summary(calls)}`))
        const deadline = setTimeout(() => end(late), timeoutMs)
        watchers.add(look)
        look()
      }),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

async function read(request: IncomingMessage) {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  const { method = '', url: path = '', headers } = request
  return { method, path, headers, body: Buffer.concat(chunks).toString() }
}

function summary(calls: readonly Call[]): string {
  return calls
    .slice(-3)
    .map((call) => `${call.method} ${call.path} ${call.body.slice(0, 500)}`)
    .join('\n')
}
