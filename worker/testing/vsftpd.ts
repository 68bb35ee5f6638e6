import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import type { Certificate } from './certificate.ts'
import { freePort, isListening } from './free-port.ts'

/** The real server (Debian's vsftpd), run by ourselves and as ourselves. */
export type Vsftpd = AsyncDisposable & {
  readonly port: number
  readonly user: string
  readonly password: string
  /** Where a log-in leads; absolute paths are those of this machine. */
  readonly dir: string
}

const PASSWORD = 'correct-horse'
const START_TIMEOUT_MS = 10_000
const LOOK_INTERVAL_MS = 20

/**
 * Starts one on a free port of 127.0.0.1; with a certificate it takes log-ins over TLS only. Local accounts would need
 * root: its users are anonymous ones who know the password.
 */
export async function startVsftpd(certificate: Certificate | null): Promise<Vsftpd> {
  const base = await mkdtemp(join(tmpdir(), 'vsftpd-'))
  const dir = join(base, 'files')
  await mkdir(dir)
  const port = await freePort()
  await writeFile(join(base, 'passwords'), `${PASSWORD}\n`)
  if (certificate !== null) await writeFile(join(base, 'tls.pem'), certificate.key + certificate.cert)
  const settings = { ...settingsOf(base, port), ...(certificate === null ? {} : tlsSettingsOf(base)) }
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`)
  await writeFile(join(base, 'vsftpd.conf'), lines.join(''))
  const server = spawn('/usr/sbin/vsftpd', [join(base, 'vsftpd.conf')], { detached: true, stdio: 'ignore' })
  await once(server, 'spawn')
  const exited = once(server, 'exit')
  const deadlineMs = performance.now() + START_TIMEOUT_MS
  while (!(await isListening(port))) {
    if (server.exitCode !== null || performance.now() > deadlineMs) throw new Error('vsftpd does not start')
    await sleep(LOOK_INTERVAL_MS)
  }
  return {
    port,
    user: 'anonymous',
    password: PASSWORD,
    dir,
    async [Symbol.asyncDispose]() {
      // Its sessions are processes of the same group.
      if (server.pid !== undefined) process.kill(-server.pid, 'SIGKILL')
      await exited
      await rm(base, { recursive: true, force: true })
    },
  }
}

function settingsOf(base: string, port: number) {
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

/** With the reuse of sessions that hosters demand (`require_ssl_reuse`). */
function tlsSettingsOf(base: string) {
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
