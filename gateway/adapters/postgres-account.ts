import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** As whom the programs of Postgres run. */
export type PostgresAccount = {
  /** Who must own the cluster's folder; `null` where that is who we are. */
  readonly owner: { readonly uid: number; readonly gid: number } | null
  /** What stands before a program and its arguments to run it as that account. */
  readonly prefix: readonly string[]
}

/** Accounts to run as where we are root, the first that exists. */
const ACCOUNTS = ['postgres', 'nobody']

/**
 * Ourselves, unless we are root, as whom Postgres refuses to run: then another account, which keeps the one right to pass
 * folders that only root may enter, since the data folder may lie under such. Throws where root may not grant that.
 */
export async function findPostgresAccount(): Promise<PostgresAccount> {
  if (process.getuid?.() !== 0) return { owner: null, prefix: [] }
  const owner = await findOwner()
  const prefix = ['setpriv', `--reuid=${owner.uid}`, `--regid=${owner.gid}`, '--clear-groups', ...KEPT_RIGHT]
  await run('setpriv', [...prefix.slice(1), 'true'], { timeout: 10_000 }).catch(refuse)
  return { owner, prefix }
}

const KEPT_RIGHT = ['--inh-caps=+dac_override', '--ambient-caps=+dac_override']

async function findOwner(): Promise<{ uid: number; gid: number }> {
  const accounts = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'))
  for (const name of ACCOUNTS) {
    const account = accounts.find((fields) => fields[0] === name)
    if (account !== undefined) return { uid: Number(account[2]), gid: Number(account[3]) }
  }
  throw new Error(`Postgres refuses to run as root, and there is no account ${ACCOUNTS.join(' or ')} to run it as`)
}

function refuse(cause: unknown): never {
  const why = cause instanceof Error ? cause.message.trim() : String(cause)
  throw new Error(
    `Postgres refuses to run as root, and setpriv (util-linux) could not start it as another account: ${why}. ` +
      'Start the gateway as an ordinary user, allow it CAP_SETUID, CAP_SETGID, CAP_SETPCAP and CAP_DAC_OVERRIDE, or set DATABASE_URL.',
    { cause },
  )
}
