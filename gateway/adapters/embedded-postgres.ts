import { randomBytes } from 'node:crypto'
import { readFile, realpath, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'

import * as v from 'valibot'

import type { Log } from '../../shared/log.ts'
import { lockDataDir } from './data-dir-lock.ts'
import { findFreePort } from './free-port.ts'
import type { PostgresBinaries } from './postgres-binaries.ts'
import { clusterUrl, hasCluster, openCluster } from './postgres-cluster.ts'
import { endLeftovers } from './postgres-leftovers.ts'
import { startServer } from './postgres-server.ts'
import { superviseServer, type StartServer } from './postgres-supervisor.ts'
import { replacePrivateFile } from './private-file.ts'

export type EmbeddedPostgresOptions = {
  /** Holds the cluster in `postgres/`, how to reach it in `postgres.json`, and the server's log. */
  readonly dataDir: string
  readonly log: Log
  /** Gives up the start; once started, only dispose ends it. */
  readonly signal: AbortSignal
  /** The programs to use for a new cluster, where it is not all the same. */
  readonly binaries?: PostgresBinaries
}

/** A database of our own on this machine; dispose stops it, after whatever uses it. */
export type EmbeddedPostgres = AsyncDisposable & {
  /** Stays the same for as long as it runs, also when the server is started again. */
  readonly url: string
}

/**
 * Starts the Postgres of a data folder on 127.0.0.1, ending one that a killed gateway left there, and starts it again
 * whenever it dies. Throws where another gateway holds the folder or there is no way to run Postgres here.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const lock = await lockDataDir(options.dataDir)
  try {
    const { url, start } = await prepareServer(options)
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

async function prepareServer({
  dataDir,
  signal,
  binaries,
}: EmbeddedPostgresOptions): Promise<{ url: string; start: StartServer }> {
  const folder = await realpath(dataDir)
  const dir = join(folder, 'postgres')
  await endLeftovers(dir)
  const { password, port } = await settleAccess(folder, dir)
  const cluster = await openCluster({ dir, password, signal, ...(binaries === undefined ? {} : { binaries }) })
  const logFile = join(folder, 'postgres.log')
  const start: StartServer = async (startSignal) => {
    await endLeftovers(dir)
    await setLongLogAside(logFile)
    return startServer(cluster, { port, logFile }, startSignal)
  }
  return { url: clusterUrl(port, password), start }
}

/** How to reach the server, kept from one start to the next. */
const Access = v.object({ password: v.string(), port: v.number() })
type Access = v.InferOutput<typeof Access>

/** Settles the password and the port before the cluster is made: one without its password would be lost. */
async function settleAccess(folder: string, clusterDir: string): Promise<Access> {
  const path = join(folder, 'postgres.json')
  const known = parseAccess(await readFile(path, 'utf8').catch(() => null))
  if (known === null && (await hasCluster(clusterDir))) {
    throw new Error(`${path} is missing or damaged: without its password ${clusterDir} cannot be opened; restore it`)
  }
  const port = await findFreePort(known?.port ?? null)
  const access = { password: known?.password ?? randomBytes(24).toString('base64url'), port }
  if (port !== known?.port) await replacePrivateFile(path, `${JSON.stringify(access)}\n`)
  return access
}

function parseAccess(text: string | null): Access | null {
  try {
    return v.parse(Access, JSON.parse(text ?? ''))
  } catch {
    return null
  }
}

const MAX_LOG_BYTES = 10 * 1024 * 1024

async function setLongLogAside(logFile: string): Promise<void> {
  const size = await stat(logFile).then(
    (file) => file.size,
    () => 0,
  )
  if (size > MAX_LOG_BYTES) await rename(logFile, `${logFile}.old`)
}
