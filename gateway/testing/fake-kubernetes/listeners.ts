import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'

import { makeCertificate } from '../../../shared/testing/certificate.ts'

/** The HTTP and HTTPS listeners of the API server, which open and close together. */
export type Listeners = {
  readonly url: string
  readonly secureUrl: string
  /** The certificate authority of `secureUrl`, PEM. */
  readonly authority: string
  /** Breaks all connections and refuses new ones. */
  close(): Promise<void>
  /** Listens on the same ports again. */
  open(): Promise<void>
}

/** How long an idle connection stays open, in ms: as at a real API server (its `http.Server.IdleTimeout`). */
const KEEP_ALIVE_MS = 90_000

/** Opens the listeners on free ports of the loopback address. */
export async function openListeners(listener: RequestListener): Promise<Listeners> {
  const { cert, key } = makeCertificate()
  const options = { keepAliveTimeout: KEEP_ALIVE_MS }
  const servers: readonly Server[] = [
    createServer(options, listener),
    createSecureServer({ ...options, cert, key }, listener),
  ]
  const [port, securePort] = await Promise.all(servers.map((server) => listen(server, 0)))
  const ports = [port ?? 0, securePort ?? 0]
  return {
    url: `http://127.0.0.1:${port}`,
    secureUrl: `https://127.0.0.1:${securePort}`,
    authority: cert,
    close: async () => void (await Promise.all(servers.map(close))),
    open: async () => void (await Promise.all(servers.map((server, index) => listen(server, ports[index] ?? 0)))),
  }
}

async function listen(server: Server, port: number): Promise<number> {
  if (!server.listening) {
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
  }
  return (server.address() as AddressInfo).port
}

async function close(server: Server): Promise<void> {
  if (!server.listening) return
  const closed = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await closed
}
