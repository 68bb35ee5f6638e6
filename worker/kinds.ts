import type { WorkerKind } from './kind.ts'

/** All kinds of workers. */
const KINDS: readonly WorkerKind[] = [
  { name: 'monitor', load: async () => (await import('./monitors/index.ts')).prepareMonitorWorker },
  { name: 'encode', load: async () => (await import('./jobs/index.ts')).prepareEncodeWorker },
  { name: 'ingest', load: async () => (await import('./live/ingest/index.ts')).prepareIngestWorker },
  { name: 'live', load: async () => (await import('./live/index.ts')).prepareLiveWorker },
  { name: 'archive', load: async () => (await import('./live/archive/index.ts')).prepareArchiveWorker },
  { name: 'clip', load: async () => (await import('./live/clip/index.ts')).prepareClipWorker },
  { name: 'storage', load: async () => (await import('./live/storage/index.ts')).prepareStorageWorker },
]

/** Returns the kind of this name; `null` where there is none. */
export function findKind(name: string): WorkerKind | null {
  return KINDS.find((kind) => kind.name === name) ?? null
}

export const KIND_NAMES: readonly string[] = KINDS.map(({ name }) => name)
