import type { ServerResponse } from 'node:http'

import { EnvironmentError } from '../environment.ts'
import { readPort } from './read-port.ts'

export type HealthServer = AsyncDisposable & { readonly port: number }

/** Deadline of a probe's request. A kubelet probes every few seconds and waits one second for the response. */
const REQUEST_TIMEOUT_MS = 5000
/** A kubelet opens one connection at a time. */
const MAX_CONNECTIONS = 64

/**
 * Serves health probes on every address of the machine: `/healthz` while the event loop runs, `/readyz` with 503 while
 * `isReady` returns false.
 * @throws EnvironmentError where the port cannot be bound
 */
export async function startHealthServer(port: number, isReady: () => boolean): Promise<HealthServer> {
  // Imported here: in the worker's bundle, a top-level import would load it for workers without probes too.
  const { createServer } = await import('node:http')
  const server = createServer(
    {
      requestTimeout: REQUEST_TIMEOUT_MS,
      headersTimeout: REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: REQUEST_TIMEOUT_MS / 5,
    },
    (request, response) => {
      const isRead = request.method === 'GET' || request.method === 'HEAD'
      const path = isRead ? request.url?.split('?', 1)[0] : undefined
      if (path === '/healthz') sendStatus(response, 200, 'ok')
      else if (path === '/readyz') sendStatus(response, isReady() ? 200 : 503, isReady() ? 'ready' : 'not_ready')
      else sendStatus(response, 404, 'not_found')
    },
  )
  server.maxConnections = MAX_CONNECTIONS
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(new EnvironmentError(`HEALTH_PORT ${port} cannot be bound: ${error.message}`)),
    )
    server.listen(port, resolve)
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

/** Sends one response and closes the connection, so that none stays open between two probes. */
function sendStatus(response: ServerResponse, code: number, status: string): void {
  response.writeHead(code, { 'content-type': 'application/json', connection: 'close' }).end(JSON.stringify({ status }))
}
