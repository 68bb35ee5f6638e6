import { connect, type Socket } from 'node:net'

export type ServerAddress = { readonly host: string; readonly port: number }

/**
 * A socket to Postgres that never lets a query wait for ever, as postgres.js alone would: it fails with ETIMEDOUT where
 * an answer is owed and nothing has come for `silenceMs`, and with ECONNRESET where the other end hangs up at once.
 * A connection that turns to TLS keeps the time limits of postgres.js only, which takes our listeners off it.
 */
export function connectBounded(address: ServerAddress, silenceMs: number): Socket {
  // postgres.js reads `host` of a socket that it is given, for the name to check a certificate against.
  const socket = Object.assign(connect(address), address)
  let answeredBytes = -1
  socket.on('data', () => (answeredBytes = socket.bytesWritten))
  socket.on('end', () => {
    if (answeredBytes === -1) socket.destroy(failure('ECONNRESET', 'the database hung up'))
  })
  socket.on('timeout', () => {
    if (socket.bytesWritten > answeredBytes) socket.destroy(failure('ETIMEDOUT', 'the database fell silent'))
  })
  return socket.setTimeout(silenceMs)
}

function failure(code: string, message: string): Error {
  return Object.assign(new Error(message), { code })
}
