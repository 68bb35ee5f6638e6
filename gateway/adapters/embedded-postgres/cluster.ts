import { execFile } from 'node:child_process'
import { chown, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { findPostgresAccount, type PostgresAccount } from './account.ts'
import { findPostgresBinaries, type PostgresBinaries } from './binaries.ts'

const run = promisify(execFile)

/** Environment of the Postgres programs. It contains none of the gateway's keys. */
export const PROGRAM_ENV = { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' }

/** A cluster on disk, with the programs that open it and the account that owns it. */
export type PostgresCluster = {
  readonly dir: string
  readonly binaries: PostgresBinaries
  readonly account: PostgresAccount
}

/** The superuser of embedded clusters. */
const CLUSTER_USER = 'tallylight'

/** Builds the URL of a cluster's server, for its superuser and the database `postgres`. */
export function buildClusterUrl(port: number, password: string): string {
  return `postgres://${CLUSTER_USER}:${encodeURIComponent(password)}@127.0.0.1:${port}/postgres`
}

export type ClusterOptions = {
  readonly dir: string
  /** Password of the superuser, set when the cluster is created. */
  readonly password: string
  readonly signal: AbortSignal
  /** `false` where a crash of the machine may lose all data, as in tests. */
  readonly durable?: boolean
  /** The programs to use; by default the first suitable ones. */
  readonly binaries?: PostgresBinaries
}

/** Opens the cluster at `dir`, or creates it atomically. */
export async function openCluster(options: ClusterOptions): Promise<PostgresCluster> {
  const { dir } = options
  const account = await findPostgresAccount()
  const existingMajor = await readMajorVersion(dir)
  const binaries = options.binaries ?? (await findPostgresBinaries(existingMajor))
  if (existingMajor === null) await createCluster(options, { dir, binaries, account })
  else await ensureOwner(dir, account)
  return { dir, binaries, account }
}

/** Returns whether there is a cluster at `dir`. */
export async function hasCluster(dir: string): Promise<boolean> {
  return (await readMajorVersion(dir)) !== null
}

async function readMajorVersion(dir: string): Promise<number | null> {
  const version = await readFile(join(dir, 'PG_VERSION'), 'utf8').catch(() => null)
  return version === null ? null : Number(version)
}

/** Creates a cluster in a temporary folder and renames it, so that an interrupted run leaves no partial cluster. */
async function createCluster(options: ClusterOptions, cluster: PostgresCluster): Promise<void> {
  const fresh = `${cluster.dir}.new`
  const passwordFile = `${cluster.dir}.password`
  const { owner, prefix } = cluster.account
  await rm(fresh, { recursive: true, force: true })
  await mkdir(fresh, { recursive: true, mode: 0o700 })
  if (owner !== null) await chown(fresh, owner.uid, owner.gid)
  await writeFile(passwordFile, options.password, { mode: 0o600 })
  const settings = ['--auth=scram-sha-256', `--username=${CLUSTER_USER}`, `--pwfile=${passwordFile}`]
  const locale = ['--encoding=UTF8', '--locale=C', '--no-instructions']
  const sync = options.durable === false ? ['--no-sync'] : []
  const initdb = [...prefix, join(cluster.binaries.dir, 'initdb'), '-D', fresh, ...settings, ...locale, ...sync]
  try {
    await run(initdb[0] ?? '', initdb.slice(1), {
      cwd: fresh,
      signal: options.signal,
      timeout: 120_000,
      env: PROGRAM_ENV,
    })
    await rename(fresh, cluster.dir)
  } finally {
    await rm(passwordFile, { force: true })
  }
}

/** Changes the owner of a cluster that was created under another account. */
async function ensureOwner(dir: string, { owner }: PostgresAccount): Promise<void> {
  if (owner === null || (await stat(dir)).uid === owner.uid) return
  await run('chown', ['-R', `${owner.uid}:${owner.gid}`, dir], { timeout: 60_000 })
}
