import { connect, type Socket } from 'node:net'

export type ServerAddress = { readonly host: string; readonly port: number }

/**
 * Opens a socket to Postgres that fails instead of letting a query wait forever, as postgres.js alone would: ETIMEDOUT
 * where an answer is due and none came for `silenceMs`, ECONNRESET where the server closes it without any answer.
 * A TLS connection has the time limits of postgres.js only, which removes these listeners.
 */
export function connectBounded(address: ServerAddress, silenceMs: number): Socket {
  // postgres.js checks the server's certificate against the socket's `host`.
  const socket = Object.assign(connect(address), address)
  let answeredBytes = -1
  socket.on('data', () => (answeredBytes = socket.bytesWritten))
  socket.on('end', () => {
    if (answeredBytes === -1) socket.destroy(errorWithCode('ECONNRESET', 'the database closed the connection'))
  })
  socket.on('timeout', () => {
    if (socket.bytesWritten > answeredBytes)
      socket.destroy(errorWithCode('ETIMEDOUT', 'the database stopped answering'))
  })
  return socket.setTimeout(silenceMs)
}

function errorWithCode(code: string, message: string): Error {
  return Object.assign(new Error(message), { code })
}
