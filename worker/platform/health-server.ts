import type { ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

import { EnvironmentError } from '../environment.ts'

export type HealthServer = AsyncDisposable & { readonly port: number }

/** A probe that drips is none; Kubernetes' own asks every few seconds and takes an answer within one. */
const REQUEST_TIMEOUT_MS = 5000
/** A kubelet has one at a time. */
const MAX_CONNECTIONS = 64

/**
 * Answers probes on every address of the machine: `/healthz` as long as the process lives and turns its event loop,
 * `/readyz` with 503 while `isReady` says no. Throws an `EnvironmentError` where the port cannot be had.
 */
export async function startHealthServer(port: number, isReady: () => boolean): Promise<HealthServer> {
  // Not above: in a worker's bundle that would load it for everybody.
  const { createServer } = await import('node:http')
  const server = createServer(
    {
      requestTimeout: REQUEST_TIMEOUT_MS,
      headersTimeout: REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: REQUEST_TIMEOUT_MS / 5,
    },
    (request, response) => {
      const isKnown = request.method === 'GET' || request.method === 'HEAD'
      const path = isKnown ? request.url?.split('?', 1)[0] : undefined
      if (path === '/healthz') answer(response, 200, 'ok')
      else if (path === '/readyz') answer(response, isReady() ? 200 : 503, isReady() ? 'ready' : 'not_ready')
      else answer(response, 404, 'not_found')
    },
  )
  server.maxConnections = MAX_CONNECTIONS
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(new EnvironmentError(`HEALTH_PORT ${port} cannot be had: ${error.message}`)))
    server.listen(port, resolve)
  })
  return {
    port: portOf(server.address()),
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
    },
  }
}

/** One answer a connection: nothing stays open between two probes. */
function answer(response: ServerResponse, code: number, status: string): void {
  response.writeHead(code, { 'content-type': 'application/json', connection: 'close' }).end(JSON.stringify({ status }))
}

function portOf(address: AddressInfo | string | null): number {
  return typeof address === 'object' && address !== null ? address.port : 0
}
