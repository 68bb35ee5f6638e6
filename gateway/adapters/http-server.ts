import type { ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

import { serve, type ServerType } from '@hono/node-server'
import type { Hono } from 'hono'

export type HttpServer = {
  readonly port: number
  /** From now on each answer ends its connection, so that clients come back by a new one, which may lead elsewhere. */
  announceEnd(): void
  /** Takes no new connection; resolves once the requests at hand are answered, or after `graceMs`. */
  close(graceMs: number): Promise<void>
}

/** A receiver of headers and bodies that drip is cut off after this, in ms. */
const REQUEST_TIMEOUT_MS = 30_000

const SWEEP_MS = 50

/** Serves an app on this machine. Rejects where the address is taken or not ours. */
export async function listen(app: Hono, address: { host: string; port: number }): Promise<HttpServer> {
  const server = await new Promise<ServerType>((resolve, reject) => {
    const serverOptions = { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS }
    const starting = serve({ fetch: app.fetch, hostname: address.host, port: address.port, serverOptions }, () =>
      resolve(starting),
    )
    starting.once('error', reject)
  })
  return {
    port: portOf(server.address()),
    announceEnd: () =>
      void server.prependListener('request', (_request: unknown, response: ServerResponse) =>
        response.setHeader('connection', 'close'),
      ),
    close: (graceMs) => close(server, graceMs),
  }
}

function portOf(address: AddressInfo | string | null): number {
  return typeof address === 'object' && address !== null ? address.port : 0
}

async function close(server: ServerType, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  // One whose answer ends later is idle from then on, and kept open by its client.
  const sweep = setInterval(() => 'closeIdleConnections' in server && server.closeIdleConnections(), SWEEP_MS)
  const late = setTimeout(() => 'closeAllConnections' in server && server.closeAllConnections(), graceMs)
  await closed
  clearInterval(sweep)
  clearTimeout(late)
}
