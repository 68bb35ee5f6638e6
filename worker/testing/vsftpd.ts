import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { PATIENCE_MS } from '../../shared/testing/until.ts'
import type { Certificate } from '../../shared/testing/certificate.ts'
import { findFreePort, isListening } from '../../shared/testing/free-port.ts'

/** A running vsftpd (Debian's package), under the current user. */
export type Vsftpd = AsyncDisposable & {
  readonly port: number
  readonly user: string
  readonly password: string
  /** The home folder after a login; absolute paths are those of this machine. */
  readonly dir: string
}

const PASSWORD = 'correct-horse'
const POLL_INTERVAL_MS = 20

/**
 * Starts vsftpd on a free port of 127.0.0.1; with a certificate, it accepts logins over TLS only. Local accounts would
 * require root, so the user is anonymous, with a password.
 */
export async function startVsftpd(certificate: Certificate | null): Promise<Vsftpd> {
  const base = await mkdtemp(join(tmpdir(), 'vsftpd-'))
  const dir = join(base, 'files')
  await mkdir(dir)
  const port = await findFreePort()
  await writeFile(join(base, 'passwords'), `${PASSWORD}\n`)
  if (certificate !== null) await writeFile(join(base, 'tls.pem'), certificate.key + certificate.cert)
  const settings = { ...baseSettings(base, port), ...(certificate === null ? {} : tlsSettings(base)) }
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`)
  await writeFile(join(base, 'vsftpd.conf'), lines.join(''))
  const server = spawn('/usr/sbin/vsftpd', [join(base, 'vsftpd.conf')], { detached: true, stdio: 'ignore' })
  await once(server, 'spawn')
  const exited = once(server, 'exit')
  const deadlineMs = performance.now() + PATIENCE_MS
  while (!(await isListening(port))) {
    if (server.exitCode !== null || performance.now() > deadlineMs) throw new Error('vsftpd does not start')
    await sleep(POLL_INTERVAL_MS)
  }
  return {
    port,
    user: 'anonymous',
    password: PASSWORD,
    dir,
    async [Symbol.asyncDispose]() {
      // vsftpd runs one process per connection, all in its process group.
      if (server.pid !== undefined) process.kill(-server.pid, 'SIGKILL')
      await exited
      await rm(base, { recursive: true, force: true })
    },
  }
}

function baseSettings(base: string, port: number) {
  return {
    listen: 'YES',
    listen_address: '127.0.0.1',
    listen_port: port,
    background: 'NO',
    run_as_launching_user: 'YES',
    ftp_username: userInfo().username,
    anon_root: join(base, 'files'),
    anonymous_enable: 'YES',
    secure_email_list_enable: 'YES',
    email_password_file: join(base, 'passwords'),
    write_enable: 'YES',
    anon_upload_enable: 'YES',
    anon_mkdir_write_enable: 'YES',
    anon_other_write_enable: 'YES',
    anon_world_readable_only: 'NO',
    seccomp_sandbox: 'NO',
  }
}

/** Returns the settings of TLS, with session reuse, which many hosters require. */
function tlsSettings(base: string) {
  return {
    ssl_enable: 'YES',
    allow_anon_ssl: 'YES',
    force_anon_logins_ssl: 'YES',
    force_anon_data_ssl: 'YES',
    require_ssl_reuse: 'YES',
    rsa_cert_file: join(base, 'tls.pem'),
    rsa_private_key_file: join(base, 'tls.pem'),
    ssl_ciphers: 'HIGH',
  }
}
