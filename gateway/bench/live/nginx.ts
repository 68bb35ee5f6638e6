import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { findFreePort } from '../../adapters/http/free-port.ts'
import { waitForPort } from '../../testing/wait-for-port.ts'

/** A web server that serves a folder. */
export type NginxServer = AsyncDisposable & { readonly origin: string; readonly pid: number }

/** Where Debian's package `nginx-light` has it. */
const PROGRAM = '/usr/sbin/nginx'
const START_TIMEOUT_MS = 10_000

/** Starts nginx with one worker on a folder; returns `null` where it is not installed. */
export async function startNginx(dir: string, root: string): Promise<NginxServer | null> {
  if (!existsSync(PROGRAM)) return null
  const port = await findFreePort(null)
  const prefix = join(dir, 'nginx')
  await mkdir(prefix, { recursive: true })
  await writeFile(join(prefix, 'nginx.conf'), formatConfiguration(port, root))
  const args = ['-p', prefix, '-c', join(prefix, 'nginx.conf'), '-e', 'stderr']
  const child = spawn(PROGRAM, args, { stdio: ['ignore', 'ignore', 'inherit'] })
  const exited = once(child, 'exit')
  await waitForPort(port, AbortSignal.timeout(START_TIMEOUT_MS))
  return {
    origin: `http://127.0.0.1:${port}`,
    pid: child.pid ?? 0,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      await exited
    },
  }
}

function formatConfiguration(port: number, root: string): string {
  const user = process.getuid?.() === 0 ? 'user root;' : ''
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${name};`)
  return `${user}
daemon off;
worker_processes 1;
pid nginx.pid;
error_log stderr error;
events { worker_connections 1024; }
http {
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 100000000;
  ${paths.join(' ')}
  types { video/iso.segment m4s; application/vnd.apple.mpegurl m3u8; }
  server { listen 127.0.0.1:${port}; root ${root}; }
}
`
}
