import type { ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

import { serve, type ServerType } from '@hono/node-server'
import type { Hono } from 'hono'

import { createSocketServer, ignoreOtherUpgrades } from './web-sockets.ts'

export type HttpServer = {
  readonly port: number
  /** Closes each connection after its next response, so that a load balancer can route clients to another gateway. */
  closeConnectionsAfterResponse(): void
  /** Accepts no new connection; resolves once the open requests are answered, at the latest after `graceMs`. */
  close(graceMs: number): Promise<void>
}

/** Longest time for a request to arrive, headers and body, in ms. */
const REQUEST_TIMEOUT_MS = 30_000

/**
 * How long an idle connection stays open, in ms: workers call every few seconds, at the latest after 10 s. Clients learn it
 * from the header `Keep-Alive`.
 */
const KEEP_ALIVE_MS = 30_000

const IDLE_SWEEP_MS = 50

/**
 * Serves an app at an address of this machine.
 * @throws Error where the address is in use or does not belong to this machine
 */
export async function listen(app: Hono, address: { host: string; port: number }): Promise<HttpServer> {
  const server = await new Promise<ServerType>((resolve, reject) => {
    const serverOptions = {
      requestTimeout: REQUEST_TIMEOUT_MS,
      headersTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
    }
    const websocket = { server: createSocketServer() }
    const { host: hostname, port } = address
    const starting = serve({ fetch: app.fetch, hostname, port, serverOptions, websocket }, () => resolve(starting))
    ignoreOtherUpgrades(starting)
    starting.once('error', reject)
  })
  return {
    port: portOf(server.address()),
    closeConnectionsAfterResponse: () =>
      void server.prependListener('request', (_request: unknown, response: ServerResponse) =>
        response.setHeader('connection', 'close'),
      ),
    close: (graceMs) => closeServer(server, graceMs),
  }
}

function portOf(address: AddressInfo | string | null): number {
  return typeof address === 'object' && address !== null ? address.port : 0
}

async function closeServer(server: ServerType, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  // A connection becomes idle when its response ends; a keep-alive client would then hold it open.
  const sweep = setInterval(() => 'closeIdleConnections' in server && server.closeIdleConnections(), IDLE_SWEEP_MS)
  const late = setTimeout(() => 'closeAllConnections' in server && server.closeAllConnections(), graceMs)
  await closed
  clearInterval(sweep)
  clearTimeout(late)
}
