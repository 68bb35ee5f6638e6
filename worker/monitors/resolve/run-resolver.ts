import type { AddressPolicy } from '../../../shared/net/safe-url.ts'
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

/**
 * Runs a resolver, which opens its own connections. Where private networks are forbidden, these go through a proxy that
 * refuses private addresses, including those behind names and redirects.
 */
export async function runResolver({ path, buildArgs, proxy, policy, signal }: ResolverRun): Promise<ProgramResult> {
  const runVia = (via: string | null) =>
    runProgram(path, buildArgs(via), { timeoutMs: TIMEOUT_MS, signal, env: resolverEnvironment() })
  if (policy.allowPrivateNetworks) return runVia(proxy)
  // Loaded on demand: most workers monitor a playlist, whose URL needs no resolver.
  const { startAddressGuardProxy } = await import('../../platform/address-guard-proxy.ts')
  await using guard = await startAddressGuardProxy(proxy)
  return await runVia(guard.url)
}

const INHERITED = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'LC_ALL', 'SSL_CERT_FILE', 'SSL_CERT_DIR', 'REQUESTS_CA_BUNDLE']

/**
 * Returns the environment of a resolver: none of the worker's secrets, no NO_PROXY, which would bypass the proxy, and
 * no folder with a user's settings or plugins.
 */
function resolverEnvironment(): Record<string, string> {
  const inherited = INHERITED.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]]))
  return { ...Object.fromEntries(inherited), XDG_CONFIG_HOME: '/nonexistent', XDG_DATA_HOME: '/nonexistent' }
}
