import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** The account that runs the programs of Postgres. */
export type PostgresAccount = {
  /** Required owner of the cluster's folder; `null` for the current user. */
  readonly owner: { readonly uid: number; readonly gid: number } | null
  /** Command prefix that runs a program as that account. */
  readonly prefix: readonly string[]
}

/** Accounts for a gateway that runs as root, in order of preference. */
const ACCOUNTS = ['postgres', 'nobody']

/**
 * Returns the current user, or another account for root, which Postgres refuses. That account keeps CAP_DAC_OVERRIDE,
 * because the data folder may lie below a folder that only root may enter.
 * @throws Error where there is no such account, or root may not switch to it
 */
export async function findPostgresAccount(): Promise<PostgresAccount> {
  if (process.getuid?.() !== 0) return { owner: null, prefix: [] }
  const owner = await findOwner()
  const prefix = ['setpriv', `--reuid=${owner.uid}`, `--regid=${owner.gid}`, '--clear-groups', ...KEEP_DAC_OVERRIDE]
  await run('setpriv', [...prefix.slice(1), 'true'], { timeout: 10_000 }).catch(throwSetprivFailed)
  return { owner, prefix }
}

const KEEP_DAC_OVERRIDE = ['--inh-caps=+dac_override', '--ambient-caps=+dac_override']

async function findOwner(): Promise<{ uid: number; gid: number }> {
  const accounts = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'))
  for (const name of ACCOUNTS) {
    const account = accounts.find((fields) => fields[0] === name)
    if (account !== undefined) return { uid: Number(account[2]), gid: Number(account[3]) }
  }
  throw new Error(
    `Postgres refuses to run as root, and there is no account ${ACCOUNTS.join(' or ')}: start the gateway as an ordinary user, or set DATABASE_URL`,
  )
}

function throwSetprivFailed(cause: unknown): never {
  const why = cause instanceof Error ? cause.message.trim() : String(cause)
  throw new Error(
    `Postgres refuses to run as root, and setpriv (util-linux) could not start it as another account: ${why}. ` +
      'Start the gateway as an ordinary user, allow it CAP_SETUID, CAP_SETGID, CAP_SETPCAP and CAP_DAC_OVERRIDE, or set DATABASE_URL.',
    { cause },
  )
}
