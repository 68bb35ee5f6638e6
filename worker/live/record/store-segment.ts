import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { Store } from '../../stores/store.ts'
import type { RecordedSegment, RunInits } from './recorded-segment.ts'

export type SegmentStore = {
  readonly store: Store
  /** Folder of the epoch in the store: `live/ID/1/`. */
  readonly folder: string
  /** A local folder for files on their way to the store. */
  readonly scratchDir: string
}

const HEADERS = { contentType: 'video/mp4', cacheControl: 'public, max-age=31536000, immutable' }

/**
 * Stores a segment in all rungs. One upload is attempted for each.
 * @throws StoreError, or the error of the local disk
 */
export async function storeSegment(
  { run, row, files }: RecordedSegment,
  target: SegmentStore,
  signal: AbortSignal,
): Promise<void> {
  await storeAll(
    run.run.rungs.map(({ name }, rung) => ({ key: `${target.folder}${name}/${row.n}.m4s`, bytes: files[rung] ?? [] })),
    target,
    signal,
  )
}

/**
 * Stores the initialization segments of a run.
 * @throws StoreError, or the error of the local disk
 */
export async function storeInits({ run, inits }: RunInits, target: SegmentStore, signal: AbortSignal): Promise<void> {
  await storeAll(
    run.rungs.map(({ name }, rung) => ({
      key: `${target.folder}${name}/init-${run.run}.mp4`,
      bytes: inits.slice(rung, rung + 1),
    })),
    target,
    signal,
  )
}

type StoredFile = { readonly key: string; readonly bytes: readonly Buffer[] }

async function storeAll(files: readonly StoredFile[], target: SegmentStore, signal: AbortSignal): Promise<void> {
  const results = await Promise.allSettled(files.map((file) => storeFile(file, target, signal)))
  const failure = results.find((result) => result.status === 'rejected')
  if (failure !== undefined) throw failure.reason
}

async function storeFile({ key, bytes }: StoredFile, target: SegmentStore, signal: AbortSignal): Promise<void> {
  const path = join(target.scratchDir, key.replaceAll('/', '_'))
  try {
    await writeFile(path, bytes)
    await target.store.put(key, path, HEADERS, signal)
  } finally {
    await rm(path, { force: true })
  }
}
