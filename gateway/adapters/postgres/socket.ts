/**
 * The sockets of a pool, and when they are given up. postgres.js alone waits forever for an answer on a half-open connection,
 * and sends further queries after the first one. Bytes are counted where TCP counts them: TLS makes no difference.
 */

import { connect, type Socket } from 'node:net'

export type ServerAddress = { readonly host: string; readonly port: number }

/** When a socket is given up, in ms. */
export type SocketLimits = {
  /** An answer has been due for this long. */
  readonly answerMs: number
  /** Nothing was received for this long: it is idle, or waits for an answer that the bytes do not show as due. */
  readonly quietMs: number
}

type WatchedSocket = {
  readonly socket: Socket
  readBytes: number
  writtenBytes: number
  /** When something was received last. */
  readAtMs: number
  /** Since when an answer is due; `null`: nothing was sent since the last one, as far as the bytes show. */
  dueSinceMs: number | null
}

const CHECK_MS = 500

/**
 * Returns a function that opens the sockets of a pool. A socket with an overdue answer fails with ETIMEDOUT; idle ones
 * that have received nothing since then end with it, because the way to the server is gone. One that the server closes
 * without any answer fails with ECONNRESET.
 */
export function createSocketOpener(address: ServerAddress, limits: SocketLimits): () => Socket {
  let watched: WatchedSocket[] = []
  let timer: ReturnType<typeof setInterval> | null = null

  function check(): void {
    const nowMs = performance.now()
    watched = watched.filter(({ socket }) => !socket.destroyed)
    for (const one of watched) observe(one, nowMs)
    giveUp(watched, nowMs, limits)
    if (watched.length > 0 || timer === null) return
    clearInterval(timer)
    timer = null
  }

  return () => {
    const socket = openSocket(address)
    const one = { socket, readBytes: 0, writtenBytes: 0, readAtMs: performance.now(), dueSinceMs: null }
    watched.push(one)
    // Exact, but not under TLS: there, postgres.js removes the listeners of this socket.
    socket.on('data', () => observe(one, performance.now()))
    // In an immediate, as postgres.js writes: what it has queued is written by then.
    timer ??= setInterval(() => setImmediate(check), CHECK_MS).unref()
    return socket
  }
}

function openSocket(address: ServerAddress): Socket {
  // postgres.js checks the server's certificate against the socket's `host`.
  const socket = Object.assign(connect(address), address)
  return socket.on('end', () => {
    if (socket.bytesRead === 0) socket.destroy(errorWithCode('ECONNRESET', 'the database closed the connection'))
  })
}

function observe(one: WatchedSocket, nowMs: number): void {
  const { bytesRead, bytesWritten } = one.socket
  if (bytesRead > one.readBytes) {
    one.readAtMs = nowMs
    one.dueSinceMs = null
  } else if (bytesWritten > one.writtenBytes) one.dueSinceMs ??= nowMs
  one.readBytes = bytesRead
  one.writtenBytes = bytesWritten
}

function giveUp(watched: readonly WatchedSocket[], nowMs: number, { answerMs, quietMs }: SocketLimits): void {
  const overdue = watched.filter(({ dueSinceMs }) => dueSinceMs !== null && nowMs - dueSinceMs >= answerMs)
  const lostSinceMs =
    overdue.length === 0 ? -Infinity : Math.min(...overdue.map(({ dueSinceMs }) => dueSinceMs ?? nowMs))
  const quiet = watched.filter(
    ({ dueSinceMs, readAtMs }) => dueSinceMs === null && (readAtMs < lostSinceMs || nowMs - readAtMs >= quietMs),
  )
  for (const { socket } of overdue) destroy(socket, errorWithCode('ETIMEDOUT', 'the database stopped answering'))
  // Where a query waits after all, postgres.js fails it with CONNECTION_CLOSED.
  for (const { socket } of quiet) destroy(socket)
}

function destroy(socket: Socket, error?: Error): void {
  // Without our listener, it is under TLS. The socket around it must end first: Node writes into a handle that is gone
  // otherwise, and that error has no listener any more.
  if (socket.listenerCount('data') === 0) socket.emit('close', false)
  else socket.destroy(error)
}

function errorWithCode(code: string, message: string): Error {
  return Object.assign(new Error(message), { code })
}
