import { isIP } from 'node:net'

import { Client, FTPError } from 'basic-ftp'

import { createBell } from '../bell.ts'
import { throwIfAborted } from './store.ts'

/** Where an FTP server is and who we are there. */
export type FtpSettings = {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  /** `explicit`: AUTH TLS (RFC 4217); `implicit`: TLS from the first byte on. The certificate is checked. */
  readonly tls: 'none' | 'explicit' | 'implicit'
  /** The folder that holds everything; a path without a slash at its beginning is one below where a log-in leads. */
  readonly folder: string
  /** Where readers find its files over HTTP; `null`: at the server itself. */
  readonly publicUrl: string | null
}

/** A connection, and the absolute path of the folder that holds everything. */
export type Connection = { readonly client: Client; readonly root: string }

export type Connections = AsyncDisposable & {
  /**
   * Lends a connection: an idle one, a new one, or the next that gets free. The signal closes it, so that whatever
   * goes on over it fails at once.
   */
  use<T>(work: (connection: Connection) => Promise<T>, signal: AbortSignal): Promise<T>
}

/** One connection carries one transfer; hosters allow few for one user. */
const MAX_CONNECTIONS = 8
/** A connection over which nothing moves for so long is given up. */
const IDLE_TIMEOUT_MS = 30_000

/** How servers say that there are too many connections: RFC 959 knows 421 alone. */
const TOO_MANY = new Set([421, 530])

export function createFtpConnections(settings: FtpSettings): Connections {
  const idle: Connection[] = []
  const all = new Set<Client>()
  const waiting = new Set<() => void>()
  let limit = MAX_CONNECTIONS
  let opening = 0

  const take = async (signal: AbortSignal): Promise<Connection> => {
    for (;;) {
      throwIfAborted(signal)
      const known = idle.pop()
      if (known?.client.closed === false) return known
      if (known !== undefined) all.delete(known.client)
      else if (all.size + opening < limit) return open(signal)
      else await nextFree(waiting, signal)
    }
  }
  const open = async (signal: AbortSignal): Promise<Connection> => {
    opening++
    try {
      const connection = await connect(settings, signal)
      all.add(connection.client)
      return connection
    } catch (error) {
      // With some open already it is their number that the server minds.
      if (all.size === 0 || !(error instanceof FTPError && TOO_MANY.has(error.code))) throw error
      limit = all.size
    } finally {
      opening--
    }
    return take(signal)
  }
  const giveBack = (connection: Connection) => {
    if (connection.client.closed) all.delete(connection.client)
    else idle.push(connection)
    for (const wake of waiting) wake()
  }
  return {
    async use(work, signal) {
      const connection = await take(signal)
      try {
        return await closing(connection.client, signal, () => work(connection))
      } finally {
        giveBack(connection)
      }
    },
    [Symbol.asyncDispose]() {
      for (const client of all) client.close()
      return Promise.resolve()
    },
  }
}

async function connect(settings: FtpSettings, signal: AbortSignal): Promise<Connection> {
  const { host, port, user, password, tls, folder } = settings
  const client = new Client(IDLE_TIMEOUT_MS)
  const secure = tls === 'implicit' ? 'implicit' : tls === 'explicit'
  const secureOptions = isIP(host) === 0 ? { servername: host } : {}
  return closing(client, signal, async () => {
    await client.access({ host, port, user, password, secure, secureOptions })
    const home = folder.startsWith('/') ? '' : (await client.pwd()).replace(/\/+$/, '')
    return { client, root: `${home}/${folder}`.replaceAll(/\/+/g, '/').replace(/\/$/, '') }
  }).catch((error: unknown) => {
    client.close()
    throw error
  })
}

/** After anything but a clean refusal, nobody knows where the conversation stands: the connection is closed. */
async function closing<T>(client: Client, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const close = () => client.close()
  signal.addEventListener('abort', close)
  try {
    throwIfAborted(signal)
    return await work()
  } catch (error) {
    if (!(error instanceof FTPError)) close()
    throw error
  } finally {
    signal.removeEventListener('abort', close)
  }
}

/** A server that does not answer ends the wait by the time-out of whoever holds the connection. */
async function nextFree(waiting: Set<() => void>, signal: AbortSignal): Promise<void> {
  const bell = createBell()
  waiting.add(bell.ring)
  await bell.wait(IDLE_TIMEOUT_MS, signal)
  waiting.delete(bell.ring)
}
