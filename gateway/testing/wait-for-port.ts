import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'

const POLL_MS = 50

/**
 * Resolves once a program of this machine listens on a port.
 * @throws Error where `signal` aborts
 */
export async function waitForPort(port: number, signal: AbortSignal): Promise<void> {
  for (;;) {
    const socket = connect({ port, host: '127.0.0.1' })
    try {
      await once(socket, 'connect', { signal })
      return
    } catch (error) {
      if (signal.aborted) throw error
      await wait(POLL_MS, undefined, { signal })
    } finally {
      socket.destroy()
    }
  }
}
