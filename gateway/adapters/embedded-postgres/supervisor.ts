import { setTimeout as delay } from 'node:timers/promises'

import type { Log } from '../../../shared/log.ts'
import type { PostgresServer } from './server.ts'

export type StartServer = (signal: AbortSignal) => Promise<PostgresServer>

/** A server that ran this long was stable: the next exit counts as the first again. */
const STABLE_AFTER_MS = 30_000
const MAX_PAUSE_MS = 10_000

/** Restarts a server whenever it exits: first at once, then with exponential backoff. Dispose stops it. */
export function superviseServer(server: PostgresServer, start: StartServer, log: Log): AsyncDisposable {
  const stopping = new AbortController()
  const finished = superviseUntilStopped(server, start, { log, signal: stopping.signal })
  const dispose = async () => {
    stopping.abort()
    await finished
  }
  return { [Symbol.asyncDispose]: dispose }
}

type SupervisionContext = { readonly log: Log; readonly signal: AbortSignal }

async function superviseUntilStopped(
  first: PostgresServer,
  start: StartServer,
  { log, signal }: SupervisionContext,
): Promise<void> {
  const stopped = new Promise<string>((resolve) => signal.addEventListener('abort', () => resolve('stopped')))
  let server: PostgresServer | null = first
  let deaths = 0
  while (!signal.aborted) {
    const startedAt = performance.now()
    const how: string = server === null ? 'could not start' : await Promise.race([server.exited, stopped])
    if (signal.aborted) break
    deaths = performance.now() - startedAt > STABLE_AFTER_MS ? 1 : deaths + 1
    log.error('embedded database exited, restarting', { how, deaths })
    server = await restartAfterBackoff(deaths, start, { log, signal })
  }
  await server?.stop()
}

async function restartAfterBackoff(
  deaths: number,
  start: StartServer,
  { log, signal }: SupervisionContext,
): Promise<PostgresServer | null> {
  const pauseMs = deaths <= 1 ? 0 : Math.min(MAX_PAUSE_MS, 250 * 2 ** (deaths - 2))
  try {
    await delay(pauseMs, undefined, { signal })
    const server = await start(signal)
    log.info('embedded database restarted', { deaths })
    return server
  } catch (error) {
    if (!signal.aborted) log.warn('embedded database could not be restarted', { error })
    return null
  }
}
