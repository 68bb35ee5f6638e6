import { randomBytes } from 'node:crypto'
import { readFile, realpath, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'

import * as v from 'valibot'

import type { Log } from '../../../shared/log.ts'
import { lockDataDir } from './data-dir-lock.ts'
import { findFreePort } from '../http/free-port.ts'
import type { PostgresBinaries } from './binaries.ts'
import { buildClusterUrl, hasCluster, openCluster } from './cluster.ts'
import { stopStaleServer } from './stale-server.ts'
import { startServer } from './server.ts'
import { superviseServer, type StartServer } from './supervisor.ts'
import { replacePrivateFile } from '../files/private-file.ts'

export type EmbeddedPostgresOptions = {
  /** Folder of the cluster (`postgres/`), its connection settings (`postgres.json`) and its log (`postgres.log`). */
  readonly dataDir: string
  readonly log: Log
  /** Aborts the start. A started database ends by dispose only. */
  readonly signal: AbortSignal
  /** The programs to use; by default the first suitable ones. */
  readonly binaries?: PostgresBinaries
}

/** A database of the gateway's own on this machine. Dispose stops it; dispose of its clients first. */
export type EmbeddedPostgres = AsyncDisposable & {
  /** Stays the same when the server is restarted. */
  readonly url: string
}

/**
 * Starts the Postgres of a data folder on 127.0.0.1 and restarts it whenever it exits. A server that a killed gateway
 * left running is stopped first.
 * @throws Error where another gateway holds the folder, or Postgres cannot run here
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const lock = await lockDataDir(options.dataDir)
  try {
    const { url, start } = await prepareCluster(options)
    const supervisor = superviseServer(await start(options.signal), start, options.log)
    const dispose = async () => {
      await supervisor[Symbol.asyncDispose]()
      await lock[Symbol.asyncDispose]()
    }
    return { url, [Symbol.asyncDispose]: dispose }
  } catch (error) {
    await lock[Symbol.asyncDispose]()
    throw error
  }
}

async function prepareCluster({
  dataDir,
  signal,
  binaries,
}: EmbeddedPostgresOptions): Promise<{ url: string; start: StartServer }> {
  const folder = await realpath(dataDir)
  const dir = join(folder, 'postgres')
  await stopStaleServer(dir)
  const { password, port } = await loadOrCreateConnectionSettings(folder, dir)
  const cluster = await openCluster({ dir, password, signal, ...(binaries === undefined ? {} : { binaries }) })
  const logFile = join(folder, 'postgres.log')
  const start: StartServer = async (startSignal) => {
    await stopStaleServer(dir)
    await rotateLog(logFile)
    return startServer(cluster, { port, logFile }, startSignal)
  }
  return { url: buildClusterUrl(port, password), start }
}

/** Returns the URL of the embedded database of a data folder, or `null` where the folder has none. */
export async function readEmbeddedUrl(dataDir: string): Promise<string | null> {
  const known = parseConnectionSettings(await readFile(join(dataDir, 'postgres.json'), 'utf8').catch(() => null))
  return known === null ? null : buildClusterUrl(known.port, known.password)
}

/** Password and port of the server, stored for the next start. */
const ConnectionSettings = v.object({ password: v.string(), port: v.number() })
type ConnectionSettings = v.InferOutput<typeof ConnectionSettings>

/**
 * Loads the password and port, or creates them, before the cluster is created: without its password a cluster is lost.
 * @throws Error where a cluster exists whose settings are missing or damaged
 */
async function loadOrCreateConnectionSettings(folder: string, clusterDir: string): Promise<ConnectionSettings> {
  const path = join(folder, 'postgres.json')
  const known = parseConnectionSettings(await readFile(path, 'utf8').catch(() => null))
  if (known === null && (await hasCluster(clusterDir))) {
    throw new Error(`${path} is missing or damaged: without its password ${clusterDir} cannot be opened; restore it`)
  }
  const port = await findFreePort(known?.port ?? null)
  const access = { password: known?.password ?? randomBytes(24).toString('base64url'), port }
  if (port !== known?.port) await replacePrivateFile(path, `${JSON.stringify(access)}\n`)
  return access
}

function parseConnectionSettings(text: string | null): ConnectionSettings | null {
  try {
    return v.parse(ConnectionSettings, JSON.parse(text ?? ''))
  } catch {
    return null
  }
}

const MAX_LOG_BYTES = 10 * 1024 * 1024

async function rotateLog(logFile: string): Promise<void> {
  const size = await stat(logFile).then(
    (file) => file.size,
    () => 0,
  )
  if (size > MAX_LOG_BYTES) await rename(logFile, `${logFile}.old`)
}
