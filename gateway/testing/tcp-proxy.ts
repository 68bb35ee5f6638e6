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
  /** Swallows what the server sends from now on, also on new connections: requests arrive, and their answers are lost. */
  swallowAnswers(): void
  /** Passes on what new connections send. Those that were swallowed stay mute, as those of a lost route do. */
  restore(): void
}

/** Starts a proxy to a port of this machine, which is chosen for each connection. */
export async function startTcpProxy(choosePort: () => number, ownPort = 0): Promise<TcpProxy> {
  const sockets = new Set<Socket>()
  const servers = new Set<Socket>()
  const mute = new Set<Socket>()
  let isSwallowing = false
  let isSwallowingAnswers = false

  function track(socket: Socket, other: () => Socket | undefined): void {
    sockets.add(socket)
    if (isSwallowing || (isSwallowingAnswers && servers.has(socket))) mute.add(socket)
    socket.on('data', (bytes) => mute.has(socket) || other()?.write(bytes))
    socket.on('end', () => mute.has(socket) || other()?.end())
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      sockets.delete(socket)
      servers.delete(socket)
      if (!mute.has(socket)) other()?.destroy()
    })
  }

  const server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = isSwallowing ? undefined : connect({ port: choosePort(), host: '127.0.0.1', allowHalfOpen: true })
    track(client, () => upstream)
    if (upstream === undefined) return
    servers.add(upstream)
    track(upstream, () => client)
  })
  server.listen(ownPort, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    swallow() {
      isSwallowing = true
      for (const socket of sockets) mute.add(socket)
    },
    swallowAnswers() {
      isSwallowingAnswers = true
      for (const socket of servers) mute.add(socket)
    },
    restore() {
      isSwallowing = false
      isSwallowingAnswers = false
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}
