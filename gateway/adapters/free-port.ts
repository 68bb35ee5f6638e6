import { once } from 'node:events'
import { createServer } from 'node:net'

/** Below where systems take the ports of outgoing connections from: a client that keeps trying cannot take it itself. */
const FIRST_PORT = 20_000
const LAST_PORT = 32_000

/** A port of 127.0.0.1 that is free now: `preferred` where it is, else any. */
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
