import { setTimeout as delay } from 'node:timers/promises'

import type { Log } from '../../shared/log.ts'
import type { PostgresServer } from './postgres-server.ts'

export type StartServer = (signal: AbortSignal) => Promise<PostgresServer>

/** A server that ran for this long was well: the next death counts as the first again. */
const STEADY_AFTER_MS = 30_000
const LONGEST_PAUSE_MS = 10_000

/** Starts a server again whenever it dies: at once, then after ever longer pauses. Dispose stops it for good. */
export function superviseServer(server: PostgresServer, start: StartServer, log: Log): AsyncDisposable {
  const stopping = new AbortController()
  const finished = watchOver(server, start, { log, signal: stopping.signal })
  const dispose = async () => {
    stopping.abort()
    await finished
  }
  return { [Symbol.asyncDispose]: dispose }
}

type Watch = { readonly log: Log; readonly signal: AbortSignal }

async function watchOver(first: PostgresServer, start: StartServer, { log, signal }: Watch): Promise<void> {
  const stopped = new Promise<string>((resolve) => signal.addEventListener('abort', () => resolve('stopped')))
  let server: PostgresServer | null = first
  let deaths = 0
  while (!signal.aborted) {
    const startedAt = performance.now()
    const how: string = server === null ? 'could not start' : await Promise.race([server.exited, stopped])
    if (signal.aborted) break
    deaths = performance.now() - startedAt > STEADY_AFTER_MS ? 1 : deaths + 1
    log.error('the embedded database is down and is started again', { how, deaths })
    server = await startAfterPause(deaths, start, { log, signal })
  }
  await server?.stop()
}

async function startAfterPause(
  deaths: number,
  start: StartServer,
  { log, signal }: Watch,
): Promise<PostgresServer | null> {
  const pauseMs = deaths <= 1 ? 0 : Math.min(LONGEST_PAUSE_MS, 250 * 2 ** (deaths - 2))
  try {
    await delay(pauseMs, undefined, { signal })
    const server = await start(signal)
    log.info('the embedded database is up again', { deaths })
    return server
  } catch (error) {
    if (!signal.aborted) log.warn('the embedded database does not start', { error })
    return null
  }
}
