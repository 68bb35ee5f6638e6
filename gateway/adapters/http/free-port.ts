import { once } from 'node:events'
import { createServer } from 'node:net'

/** Below the ephemeral ports, so that an outgoing connection of a retrying client cannot occupy the port itself. */
const FIRST_PORT = 20_000
const LAST_PORT = 32_000

/** Finds a port of 127.0.0.1 that is free now: `preferred` if it is free, otherwise a random one. */
export async function findFreePort(preferred: number | null): Promise<number> {
  const tried = Array.from({ length: 50 }, () => FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT)))
  for (const port of preferred === null ? tried : [preferred, ...tried]) {
    if (await isFree(port)) return port
  }
  throw new Error('no free port for Postgres on 127.0.0.1')
}

async function isFree(port: number): Promise<boolean> {
  const probe = createServer()
  try {
    probe.listen(port, '127.0.0.1')
    await once(probe, 'listening')
    return true
  } catch {
    return false
  } finally {
    probe.close()
  }
}
