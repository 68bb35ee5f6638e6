import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const PROGRAM = createRequire(import.meta.url).resolve('wrangler/bin/wrangler.js')

/** Keeps wrangler offline: no metrics, no error reports, no update check, no location lookup. */
const OFFLINE_ENV = {
  WRANGLER_SEND_METRICS: 'false',
  WRANGLER_SEND_ERROR_REPORTS: 'false',
  WRANGLER_HIDE_BANNER: 'true',
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
}

/** Spawns `wrangler` with `gateway/wrangler.jsonc` in its own process group; its files stay in `stateDir`. */
export function spawnWrangler(args: readonly string[], stateDir: string, stdio: StdioOptions): ChildProcess {
  const files = {
    WRANGLER_LOG_PATH: join(stateDir, 'wrangler-logs'),
    WRANGLER_REGISTRY_PATH: join(stateDir, 'wrangler-registry'),
  }
  return spawn(process.execPath, [PROGRAM, ...args, '--config', 'gateway/wrangler.jsonc'], {
    cwd: ROOT,
    env: { ...process.env, ...OFFLINE_ENV, ...files },
    stdio,
    detached: true,
  })
}
