import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { AddressPolicy } from '../../../shared/net/safe-url.ts'
import { PROGRAM_LIMITS } from '../../platform/program-limits.ts'
import { type ProgramResult, runProgram } from '../../platform/run-program.ts'

/** One run of yt-dlp or streamlink. */
export type ResolverRun = {
  readonly path: string
  /** Builds the arguments for a proxy. */
  readonly buildArgs: (proxy: string | null) => readonly string[]
  readonly proxy: string | null
  readonly policy: AddressPolicy
  readonly signal: AbortSignal
}

const TIMEOUT_MS = 60_000
/** A page with many formats is some hundred KB. */
const MAX_OUTPUT_BYTES = 8 * 1024 * 1024

/**
 * Runs a resolver, which opens its own connections. Where private networks are forbidden, these go through a proxy that
 * refuses private addresses, including those behind names and redirects.
 */
export async function runResolver({ path, buildArgs, proxy, policy, signal }: ResolverRun): Promise<ProgramResult> {
  const runVia = async (via: string | null) => {
    await using home = await createHome()
    return await runProgram(path, buildArgs(via), {
      timeoutMs: TIMEOUT_MS,
      signal,
      env: resolverEnvironment(home.dir, via),
      maxStdoutBytes: MAX_OUTPUT_BYTES,
      limits: PROGRAM_LIMITS.resolver,
    })
  }
  if (policy.allowPrivateNetworks) return await runVia(proxy)
  // Loaded on demand: most workers monitor a playlist, whose URL needs no resolver.
  const { startAddressGuardProxy } = await import('../../platform/address-guard-proxy.ts')
  await using guard = await startAddressGuardProxy(proxy)
  return await runVia(guard.url)
}

/** Creates an empty home, so that a resolver finds no settings, plug-ins, passwords or cookies of a user. */
async function createHome(): Promise<AsyncDisposable & { readonly dir: string }> {
  const dir = await mkdtemp(join(tmpdir(), 'resolver-')).catch(() => null)
  return {
    dir: dir ?? '/nonexistent',
    async [Symbol.asyncDispose]() {
      if (dir !== null) await rm(dir, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

const INHERITED = ['PATH', 'LANG', 'LC_ALL', 'SSL_CERT_FILE', 'SSL_CERT_DIR', 'REQUESTS_CA_BUNDLE']
const PROXY_VARIABLES = ['http_proxy', 'https_proxy', 'all_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY']

/**
 * Returns the environment of a resolver: none of the worker's secrets, and the proxy by its variables too, since streamlink
 * sends a first request before it reads its options. There is no NO_PROXY, which would bypass the proxy.
 */
function resolverEnvironment(home: string, via: string | null): Record<string, string> {
  const inherited = INHERITED.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]]))
  const proxies = via === null ? [] : PROXY_VARIABLES.map((name) => [name, via])
  const { HOME } = process.env
  return {
    ...Object.fromEntries([...inherited, ...proxies]),
    HOME: home,
    TMPDIR: home,
    YTDLP_NO_PLUGINS: '1',
    // A resolver that a user has installed for himself is still found.
    ...(HOME === undefined ? {} : { PYTHONUSERBASE: join(HOME, '.local') }),
  }
}
