import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const PROGRAM = createRequire(import.meta.url).resolve('wrangler/bin/wrangler.js')

/** It calls nobody: no figures, no reports, no look for a newer one, no asking where on earth it is. */
const QUIET = {
  WRANGLER_SEND_METRICS: 'false',
  WRANGLER_SEND_ERROR_REPORTS: 'false',
  WRANGLER_HIDE_BANNER: 'true',
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
}

/** Runs `wrangler` on `gateway/wrangler.jsonc`, at the head of a process group of its own; its traces stay in `stateDir`. */
export function spawnWrangler(args: readonly string[], stateDir: string, stdio: StdioOptions): ChildProcess {
  const traces = {
    WRANGLER_LOG_PATH: join(stateDir, 'wrangler-logs'),
    WRANGLER_REGISTRY_PATH: join(stateDir, 'wrangler-registry'),
  }
  return spawn(process.execPath, [PROGRAM, ...args, '--config', 'gateway/wrangler.jsonc'], {
    cwd: ROOT,
    env: { ...process.env, ...QUIET, ...traces },
    stdio,
    detached: true,
  })
}
