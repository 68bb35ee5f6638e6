import type { Kind } from './kind.ts'

/** Every kind of worker by its WORKER_KIND. Loaded when it is the one: a worker's memory is not spent on the others. */
const KINDS: ReadonlyMap<string, () => Promise<Kind>> = new Map([
  ['monitor', async () => (await import('./monitors/index.ts')).monitorWorker],
  ['encode', async () => (await import('./jobs/index.ts')).encodeWorker],
])

/** The kind of that name, or `null` where there is none. */
export async function findKind(name: string): Promise<Kind | null> {
  return (await KINDS.get(name)?.()) ?? null
}

export const KIND_NAMES: readonly string[] = [...KINDS.keys()]
