import type { AddressPolicy } from '../../shared/safe-url.ts'
import { type ProgramResult, runProgram } from './run-program.ts'

/** One question to a program that finds out about a page: yt-dlp or streamlink. */
export type ResolverCall = {
  readonly path: string
  /** Its arguments, given the proxy that it is to use. */
  readonly args: (proxy: string | null) => readonly string[]
  readonly proxy: string | null
  readonly policy: AddressPolicy
  readonly signal: AbortSignal
}

const TIMEOUT_MS = 60_000

/**
 * Asks a resolver. It opens its own connections: where private networks are forbidden, these go through a proxy that
 * refuses such addresses, names and redirects included.
 */
export async function askResolver(call: ResolverCall): Promise<ProgramResult> {
  const run = (proxy: string | null) =>
    runProgram(call.path, call.args(proxy), { timeoutMs: TIMEOUT_MS, signal: call.signal, env: resolverEnvironment() })
  if (call.policy.allowPrivateNetworks) return run(call.proxy)
  // Loaded only where it is needed: most workers watch a playlist, whose URL needs no resolver.
  const { startAddressGuardProxy } = await import('./address-guard-proxy.ts')
  await using guard = await startAddressGuardProxy(call.proxy)
  return await run(guard.url)
}

const INHERITED = ['PATH', 'HOME', 'TMPDIR', 'LANG', 'LC_ALL', 'SSL_CERT_FILE', 'SSL_CERT_DIR', 'REQUESTS_CA_BUNDLE']

/**
 * What a resolver sees of the environment: no secret of ours; no NO_PROXY, which would lead it past the proxy; and no
 * folder with settings or plugins of the user.
 */
function resolverEnvironment(): Record<string, string> {
  const inherited = INHERITED.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]]))
  return { ...Object.fromEntries(inherited), XDG_CONFIG_HOME: '/nonexistent', XDG_DATA_HOME: '/nonexistent' }
}
