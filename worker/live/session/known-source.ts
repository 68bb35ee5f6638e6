import { TAG_TYPE } from '../flv/flv-tag.ts'
import { isConfiguration } from '../flv/tag-payload.ts'
import type { SourceStart } from '../source/collect-start.ts'
import { probeSource, type SourceProbe } from '../source/probe-source.ts'

/** What is known of a source since it was probed. */
export type KnownSource = Extract<SourceProbe, { readonly kind: 'ok' }> & {
  /** The configuration of the picture's decoder; `null`: it has none. */
  readonly configuration: Buffer | null
  /** Sound came, whether it can be encoded or not. */
  readonly hadSound: boolean
}

/** Probes a source. */
export async function learnSource(
  ffprobePath: string,
  start: SourceStart,
  signal: AbortSignal,
): Promise<KnownSource | Exclude<SourceProbe, { readonly kind: 'ok' }>> {
  const probe = await probeSource(ffprobePath, start, signal)
  if (probe.kind !== 'ok') return probe
  return { ...probe, configuration: findConfiguration(start), hadSound: start.hasAudio }
}

/** Returns whether a source still sends the picture that it was probed with. */
export function isSameSource({ configuration }: Pick<KnownSource, 'configuration'>, start: SourceStart): boolean {
  const found = findConfiguration(start)
  return found === null || configuration === null ? found === configuration : found.equals(configuration)
}

function findConfiguration({ tags }: SourceStart): Buffer | null {
  return tags.find((tag) => tag.type === TAG_TYPE.video && isConfiguration(tag))?.body ?? null
}
