import { execFile } from 'node:child_process'
import { chown, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { findPostgresAccount, type PostgresAccount } from './postgres-account.ts'
import { findPostgresBinaries, type PostgresBinaries } from './postgres-binaries.ts'

const run = promisify(execFile)

/** A cluster on disk, with the programs that open it and the account that owns it. */
/** What Postgres' programs see of our environment: no key is any business of theirs. */
export const PROGRAM_ENV = { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' }

export type PostgresCluster = {
  readonly dir: string
  readonly binaries: PostgresBinaries
  readonly account: PostgresAccount
}

/** The superuser of our clusters. */
const CLUSTER_USER = 'tallylight'

/** How to reach a cluster's server: as its superuser, in the database that every cluster has. */
export function clusterUrl(port: number, password: string): string {
  return `postgres://${CLUSTER_USER}:${encodeURIComponent(password)}@127.0.0.1:${port}/postgres`
}

export type ClusterOptions = {
  readonly dir: string
  /** What the superuser logs in with; used when the cluster is made. */
  readonly password: string
  readonly signal: AbortSignal
  /** `false` where a crash of the machine may lose everything, as in tests. */
  readonly durable?: boolean
  /** The programs to use, where it is not all the same. */
  readonly binaries?: PostgresBinaries
}

/** Opens the cluster at `dir`, or makes it where there is none; made whole or not at all. */
export async function openCluster(options: ClusterOptions): Promise<PostgresCluster> {
  const { dir } = options
  const account = await findPostgresAccount()
  const madeBy = await readMajor(dir)
  const binaries = options.binaries ?? (await findPostgresBinaries(madeBy))
  if (madeBy === null) await createCluster(options, { dir, binaries, account })
  else await ensureOwner(dir, account)
  return { dir, binaries, account }
}

/** Whether there is a cluster at `dir`. */
export async function hasCluster(dir: string): Promise<boolean> {
  return (await readMajor(dir)) !== null
}

async function readMajor(dir: string): Promise<number | null> {
  const version = await readFile(join(dir, 'PG_VERSION'), 'utf8').catch(() => null)
  return version === null ? null : Number(version)
}

/** Made beside its place and moved there: a run that is killed midway leaves no half cluster behind. */
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

/** A cluster made by root under another account, or before the account `postgres` came, is handed over. */
async function ensureOwner(dir: string, { owner }: PostgresAccount): Promise<void> {
  if (owner === null || (await stat(dir)).uid === owner.uid) return
  await run('chown', ['-R', `${owner.uid}:${owner.gid}`, dir], { timeout: 60_000 })
}
