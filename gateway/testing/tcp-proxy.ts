import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** A TCP proxy on 127.0.0.1. Disposing of it breaks all connections. */
export type TcpProxy = AsyncDisposable & {
  readonly port: number
  /**
   * Makes all connections half-open: what either side sends is swallowed from now on, and nothing is closed. New
   * connections are accepted, and are as mute.
   */
  swallow(): void
  /** Passes on what new connections send. Those that were swallowed stay mute, as those of a lost route do. */
  restore(): void
}

/** Starts a proxy to a port of this machine, which is chosen for each connection. */
export async function startTcpProxy(choosePort: () => number, ownPort = 0): Promise<TcpProxy> {
  const sockets = new Set<Socket>()
  const mute = new Set<Socket>()
  let isSwallowing = false

  function track(socket: Socket, other: () => Socket | undefined): void {
    sockets.add(socket)
    if (isSwallowing) mute.add(socket)
    socket.on('data', (bytes) => mute.has(socket) || other()?.write(bytes))
    socket.on('end', () => mute.has(socket) || other()?.end())
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      sockets.delete(socket)
      if (!mute.has(socket)) other()?.destroy()
    })
  }

  const server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = isSwallowing ? undefined : connect({ port: choosePort(), host: '127.0.0.1', allowHalfOpen: true })
    track(client, () => upstream)
    if (upstream !== undefined) track(upstream, () => client)
  })
  server.listen(ownPort, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    swallow() {
      isSwallowing = true
      for (const socket of sockets) mute.add(socket)
    },
    restore: () => void (isSwallowing = false),
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}
