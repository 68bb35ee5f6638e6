import type { Duplex } from 'node:stream'
import { createServer as createPlainServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'

import { readPort } from './read-port.ts'

/** A certificate with its private key, both PEM. */
export type TlsFiles = { readonly cert: string; readonly key: string }

/** An accepted connection; with TLS, after its handshake. */
export type TcpConnection = {
  readonly stream: Duplex
  /** The client's address, an IPv4 address in its own notation. */
  readonly address: string
  /** Releases its place among the connections of its address before it ends. */
  readonly release: () => void
}

export type TcpServerOptions = {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  readonly tls: TlsFiles | null
  readonly maxConnections: number
  /** Takes a place for a connection; `null`: it is closed. The returned function releases the place, once or more often. */
  readonly admit: (address: string) => (() => void) | null
  readonly onConnection: (connection: TcpConnection) => void
}

/** A listening server. Disposing of it stops the listening and destroys all connections. */
export type TcpServer = AsyncDisposable & {
  readonly port: number
  /** Closes the listening socket; connections stay. */
  stopListening(): void
}

const TLS_HANDSHAKE_MS = 10_000

/**
 * Starts a TCP or TLS server.
 * @throws Error with a `code` such as EADDRINUSE where it cannot listen, or the certificate cannot be used
 */
export async function startTcpServer(options: TcpServerOptions): Promise<TcpServer> {
  const sockets = new Set<Socket>()
  const places = new Map<string, () => void>()
  const server = createServer(options, (socket) => {
    const release = places.get(describePeer(socket)) ?? (() => {})
    options.onConnection({ stream: socket, address: readAddress(socket), release })
  })
  server.maxConnections = options.maxConnections
  server.prependListener('connection', (socket: Socket) => {
    socket.on('error', () => {})
    const release = options.admit(readAddress(socket))
    if (release === null) {
      socket.destroy()
      return
    }
    const peer = describePeer(socket)
    sockets.add(socket)
    places.set(peer, release)
    socket.once('close', () => {
      sockets.delete(socket)
      places.delete(peer)
      release()
    })
  })
  await listen(server, options)
  return {
    port: readPort(server.address()),
    stopListening: () => server.close(),
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

/** Creates the server. A refused connection is destroyed before it comes here. */
function createServer({ tls }: TcpServerOptions, onConnection: (socket: Socket) => void): Server {
  const accept = (socket: Socket) => {
    socket.on('error', () => {})
    if (!socket.destroyed) onConnection(socket)
  }
  if (tls === null) return createPlainServer({ noDelay: true }, accept)
  const server = createTlsServer({ ...tls, noDelay: true, handshakeTimeout: TLS_HANDSHAKE_MS }, accept)
  server.on('tlsClientError', (_error, socket) => socket.destroy())
  return server
}

function listen(server: Server, { host, port }: TcpServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      // An error of accept(2), such as too many open files, concerns one connection only.
      server.on('error', () => {})
      resolve()
    })
  })
}

function readAddress({ remoteAddress }: Socket): string {
  return (remoteAddress ?? '').replace(/^::ffff:/, '')
}

/** Identifies a connection: its TLS socket has the same peer as the socket below it. */
function describePeer({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`
}
