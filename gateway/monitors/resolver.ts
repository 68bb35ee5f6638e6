import type { InstalledResolver } from '../ports/installed-resolver.ts'
import type { GaugeSample } from '../ports/metrics.ts'
import { RESOLVER_INFO } from './metrics.ts'

/** Age from which a yt-dlp no longer knows YouTube, in days. */
const OLD_DAYS = 60
const DAY_MS = 86_400_000

/** The cure of every problem of the resolver. */
const CURE = 'run `npm run tools:update`'

/** What `/readyz` says of the resolver of pages. */
type ResolverFacts = {
  readonly version: string | null
  readonly source: string
  readonly javascript_runtime: string | null
  readonly solver: string | null
  readonly problem: string | null
}

/** Describes the resolver that monitors of pages use. */
export function describeResolver(tool: InstalledResolver, nowMs: number): ResolverFacts {
  const { version, source, runtime } = tool
  const solver = tool.solver ?? (runtime === null || source === 'system' ? null : 'fetched when needed')
  return { version, source, javascript_runtime: runtime, solver, problem: findProblem(tool, nowMs) }
}

function findProblem({ version, runtime }: InstalledResolver, nowMs: number): string | null {
  if (version === null) return `yt-dlp does not run: ${CURE}`
  const days = Math.floor((nowMs - Date.parse(version.replaceAll('.', '-'))) / DAY_MS)
  if (!(days <= OLD_DAYS)) return `yt-dlp is ${days} days old and may fail on YouTube: ${CURE}`
  return runtime === null ? `yt-dlp has no JavaScript runtime and may fail on YouTube: ${CURE}` : null
}

/** Returns the sample that names the version in use; none where it is unknown. */
export function readResolverGauge(tool: InstalledResolver | null): readonly GaugeSample[] {
  if (tool === null || tool.version === null) return []
  return [{ metric: RESOLVER_INFO, labels: { version: tool.version, source: tool.source }, value: 1 }]
}
