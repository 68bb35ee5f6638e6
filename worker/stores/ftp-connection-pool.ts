import { isIP } from 'node:net'

import { Client, FTPError } from 'basic-ftp'

import { createWakeSignal } from '../platform/wake-signal.ts'
import { throwIfAborted } from './store.ts'

/** Address of an FTP server, and the account there. */
export type FtpSettings = {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  /** `explicit`: AUTH TLS (RFC 4217). `implicit`: TLS from the first byte. The certificate is verified. */
  readonly tls: 'none' | 'explicit' | 'implicit'
  /** The root folder of the store; without a leading slash it is relative to the account's home folder. */
  readonly folder: string
  /** Base URL of the root folder for readers; `null`: the server's own FTP URL. */
  readonly publicUrl: string | null
}

/** A logged-in connection, and the absolute path of the root folder. */
export type FtpConnection = { readonly client: Client; readonly root: string }

export type FtpConnectionPool = AsyncDisposable & {
  /**
   * Runs `work` with a connection: an idle one, a new one, or the next that is released. An abort closes the connection,
   * so that the current operation fails at once.
   */
  use<Result>(work: (connection: FtpConnection) => Promise<Result>, signal: AbortSignal): Promise<Result>
}

/** A connection carries one transfer at a time, and hosters allow few connections per account. */
const MAX_CONNECTIONS = 8
/** An inactive connection is closed after this time. */
const IDLE_TIMEOUT_MS = 30_000

/** Replies to a login that exceeds a server's limit of connections; RFC 959 defines 421 only. */
const TOO_MANY_CONNECTIONS = new Set([421, 530])

/** Creates a pool. Where the server refuses a further connection, the pool keeps to the number that is open. */
export function createFtpConnectionPool(settings: FtpSettings): FtpConnectionPool {
  const idle: FtpConnection[] = []
  const all = new Set<Client>()
  const waiting = new Set<() => void>()
  let limit = MAX_CONNECTIONS
  let opening = 0

  const acquire = async (signal: AbortSignal): Promise<FtpConnection> => {
    for (;;) {
      throwIfAborted(signal)
      const candidate = idle.pop()
      if (candidate?.client.closed === false) return candidate
      if (candidate !== undefined) all.delete(candidate.client)
      else if (all.size + opening < limit) return open(signal)
      else await waitForRelease(waiting, signal)
    }
  }
  const open = async (signal: AbortSignal): Promise<FtpConnection> => {
    opening++
    try {
      const connection = await connect(settings, signal)
      all.add(connection.client)
      return connection
    } catch (error) {
      // Without an open connection, the refusal has another reason than their number.
      if (all.size === 0 || !(error instanceof FTPError && TOO_MANY_CONNECTIONS.has(error.code))) throw error
      limit = all.size
    } finally {
      opening--
    }
    return acquire(signal)
  }
  const release = (connection: FtpConnection) => {
    if (connection.client.closed) all.delete(connection.client)
    else idle.push(connection)
    for (const wake of waiting) wake()
  }
  return {
    async use(work, signal) {
      const connection = await acquire(signal)
      try {
        return await closeOnFailure(connection.client, signal, () => work(connection))
      } finally {
        release(connection)
      }
    },
    [Symbol.asyncDispose]() {
      for (const client of all) client.close()
      return Promise.resolve()
    },
  }
}

async function connect(settings: FtpSettings, signal: AbortSignal): Promise<FtpConnection> {
  const { host, port, user, password, tls, folder } = settings
  const client = new Client(IDLE_TIMEOUT_MS)
  const secure = tls === 'implicit' ? 'implicit' : tls === 'explicit'
  const secureOptions = isIP(host) === 0 ? { servername: host } : {}
  return closeOnFailure(client, signal, async () => {
    await client.access({ host, port, user, password, secure, secureOptions })
    const home = folder.startsWith('/') ? '' : (await client.pwd()).replace(/\/+$/, '')
    return { client, root: `${home}/${folder}`.replaceAll(/\/+/g, '/').replace(/\/$/, '') }
  }).catch((error: unknown) => {
    client.close()
    throw error
  })
}

/** Runs `work` and closes the client after an abort or an error. Only after an FTP reply is its state still known. */
async function closeOnFailure<Result>(
  client: Client,
  signal: AbortSignal,
  work: () => Promise<Result>,
): Promise<Result> {
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

/** Waits until a connection is released. A server that does not answer ends the wait by the other users' time-outs. */
async function waitForRelease(waiting: Set<() => void>, signal: AbortSignal): Promise<void> {
  const released = createWakeSignal()
  waiting.add(released.wake)
  await released.wait(IDLE_TIMEOUT_MS, signal)
  waiting.delete(released.wake)
}
