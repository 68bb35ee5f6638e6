import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

import { PROGRAM_ENV, type PostgresCluster } from './cluster.ts'
import { stopStaleServer, clusterNameOf } from './stale-server.ts'

export type ServerOptions = {
  readonly port: number
  readonly logFile: string
  /** Settings of postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>
}

/** A running server: a child process in its own session, which signals to the gateway's process group do not reach. */
export type PostgresServer = {
  /** Resolves with the exit code or the signal that ended it. */
  readonly exited: Promise<string>
  /** Shuts down fast: open transactions are rolled back, committed data is kept. */
  stop(): Promise<void>
}

/** Crash recovery replays at most `max_wal_size` of log in this time. */
const READY_WITHIN_MS = 60_000
const POLL_MS = 15

/**
 * Starts the server on 127.0.0.1 and resolves once it accepts connections.
 * @throws Error with its last log lines where it ends first, or is not ready within a minute
 */
export async function startServer(
  cluster: PostgresCluster,
  options: ServerOptions,
  signal: AbortSignal,
): Promise<PostgresServer> {
  signal.throwIfAborted()
  const child = await spawnServer(cluster, options)
  const exited = once(child, 'exit').then(([code, name]) => String(name ?? code))
  const server = { exited, stop: () => stopServer(child, exited, cluster.dir) }
  try {
    await waitUntilReady(cluster.dir, child, signal)
    return server
  } catch (error) {
    await server.stop()
    const log = await readFile(options.logFile, 'utf8').catch(() => '')
    throw new Error(`Postgres did not start: ${log.trim().split('\n').slice(-5).join(' | ')}`, { cause: error })
  }
}

async function spawnServer(cluster: PostgresCluster, options: ServerOptions): Promise<ChildProcess> {
  const settings = Object.entries({
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    port: String(options.port),
    timezone: 'UTC',
    // Each looks for work at this interval. A commit waits for neither: it writes its log itself.
    bgwriter_delay: '1s',
    wal_writer_delay: '1s',
    cluster_name: clusterNameOf(cluster.dir),
    ...options.settings,
  }).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const command = [...cluster.account.prefix, join(cluster.binaries.dir, 'postgres'), '-D', cluster.dir, ...settings]
  const log = await open(options.logFile, 'a', 0o600)
  try {
    const stdio = ['ignore' as const, log.fd, log.fd]
    const child = spawn(command[0] ?? '', command.slice(1), {
      cwd: cluster.dir,
      detached: true,
      stdio,
      env: PROGRAM_ENV,
    })
    await once(child, 'spawn')
    return child
  } finally {
    await log.close()
  }
}

/** Polls the last line of postmaster.pid, which states the server's status (PostgreSQL, `utils/pidfile.h`). */
async function waitUntilReady(dir: string, child: ChildProcess, signal: AbortSignal): Promise<void> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(READY_WITHIN_MS)])
  for (;;) {
    const lines = (await readFile(join(dir, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n')
    if (lines[0] === String(child.pid) && lines[7]?.trim() === 'ready') return
    if (hasEnded(child)) throw new Error('postgres ended before it was ready')
    await delay(POLL_MS, undefined, { signal: deadline })
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}

/** Escalating signals with their timeouts in ms: fast shutdown, immediate shutdown, kill. */
const STOP_SIGNALS = [
  ['SIGINT', 10_000],
  ['SIGQUIT', 2000],
  ['SIGKILL', 2000],
] as const

async function stopServer(child: ChildProcess, exited: Promise<string>, dir: string): Promise<void> {
  for (const [signal, timeoutMs] of STOP_SIGNALS) {
    if (hasEnded(child)) break
    child.kill(signal)
    await Promise.race([exited, delay(timeoutMs, undefined, { ref: false })])
  }
  await stopStaleServer(dir)
}
