/**
 * A delivery stores the files of a finished output. Readers must never open a file whose references are missing, so the
 * order is: the journal, media files (several at once), playlists and manifests, and last the entry.
 *
 * The journal stays until the gateway has accepted the output, because the job may still end otherwise. A delivery that
 * fails or is aborted removes all keys of the output, also those where an earlier job had stored files: a mixture of two
 * outputs is of no use. Where it has written no file yet, the earlier job's output stays.
 */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'

import type { JobFailure, JobOutput } from '../../../shared/contract/jobs.ts'
import type { OutputType } from '../../../shared/contract/presets.ts'
import type { Log } from '../../../shared/log.ts'
import { type MediaHeaders, chooseMediaHeaders, chooseSingleFileHeaders } from '../../../shared/net/media-headers.ts'
import { mapInParallel } from '../../platform/map-in-parallel.ts'
import { type Store, StoreError } from '../../stores/store.ts'
import { isPlaylist, type OutputSet } from '../plan/output-plan.ts'
import { catchStoreError } from './cleanup.ts'
import { journalKey, readJournal, writeJournal } from './journal.ts'

/** Progress of a delivery; only whole files count. */
export type DeliveryProgress = { readonly files: number; readonly filesDone: number; readonly bytesDone: number }

export type Delivery = {
  readonly store: Store
  readonly set: OutputSet
  /** The path is the key of a single file, or the folder of a set, with a slash at its end. */
  readonly output: { readonly path: string; readonly type: OutputType }
  /** False where the output holds audio only. */
  readonly hasVideo: boolean
  /** The job's own folder in the store (`.tallylight/{job_id}/`). */
  readonly partsKey: string
  readonly onProgress: (progress: DeliveryProgress) => void
  /**
   * Called after a failure or an abort. False where another worker may run the task by now: then nothing is removed,
   * because the stored files may be that worker's.
   */
  readonly ownsTask: () => boolean
  /** No earlier worker can have stored a file of the output. */
  readonly isFirstAttempt: boolean
  readonly log: Log
}

export type DeliveryResult =
  | { readonly kind: 'done'; readonly output: JobOutput }
  | { readonly kind: 'failed'; readonly failure: JobFailure }
  | { readonly kind: 'aborted' }

const PARALLEL_UPLOADS = 8
const ROLL_BACK_TIMEOUT_MS = 30_000

/**
 * Stores an output.
 * @throws where a file of the set cannot be read; what was stored is then removed too
 */
export async function deliver(delivery: Delivery, signal: AbortSignal): Promise<DeliveryResult> {
  const { store, set, output } = delivery
  const written = new Set<string>()
  try {
    await removeEarlierAttempt(delivery, signal)
    await uploadJournal(delivery, written, signal)
    const bytes = await uploadFiles(delivery, written, signal)
    const output_url = store.urlOf(outputKey(delivery, set.entry))
    return {
      kind: 'done',
      output: { output_url, output_type: output.type, files_uploaded: set.files.length, bytes },
    }
  } catch (error) {
    if (delivery.ownsTask()) await rollBack(delivery, written)
    else delivery.log.info('output left to the job’s next worker', { parts_key: delivery.partsKey })
    if (signal.aborted) return { kind: 'aborted' }
    if (error instanceof StoreError) return { kind: 'failed', failure: toJobFailure(error) }
    throw error
  }
}

/** Removes the output of an attempt that died while it stored: all of it, or the part that its journal promised. */
async function removeEarlierAttempt(
  { store, set, partsKey, isFirstAttempt }: Delivery,
  signal: AbortSignal,
): Promise<void> {
  if (isFirstAttempt) return
  const keys = await readJournal({ store, partsKey, dir: set.dir }, signal)
  if (keys.length > 0) await store.remove(keys, signal)
}

async function uploadJournal(delivery: Delivery, written: Set<string>, signal: AbortSignal): Promise<void> {
  const { store, set, partsKey } = delivery
  const storage = { store, partsKey, dir: set.dir }
  await putRecorded({ written, key: journalKey(partsKey) }, () => writeJournal(storage, outputKeys(delivery), signal))
}

async function uploadFiles(delivery: Delivery, written: Set<string>, signal: AbortSignal): Promise<number> {
  const { set, onProgress } = delivery
  const files = set.files.length
  let filesDone = 0
  let bytesDone = 0
  const uploadFile = async (name: string, fileSignal: AbortSignal) => {
    const path = join(set.dir, name)
    const { size } = await stat(path)
    const key = outputKey(delivery, name)
    await putRecorded({ written, key }, () => delivery.store.put(key, path, outputHeaders(delivery, name), fileSignal))
    filesDone++
    bytesDone += size
    onProgress({ files, filesDone, bytesDone })
  }
  for (const phase of uploadPhases(set)) await mapInParallel(phase, uploadFile, { limit: PARALLEL_UPLOADS, signal })
  return bytesDone
}

/** Divides a set so that no phase refers to a later one. A WebVTT file of thumbnails refers to images. */
function uploadPhases({ files, entry }: OutputSet): readonly (readonly string[])[] {
  const hasReferences = (name: string) => isPlaylist(name) || name.endsWith('.vtt')
  const others = files.filter((name) => name !== entry)
  return [others.filter((name) => !hasReferences(name)), others.filter(hasReferences), [entry]]
}

/** Records a key before its file may become visible. Only after a refusal is it certain that nothing was stored. */
async function putRecorded(
  { written, key }: { readonly written: Set<string>; readonly key: string },
  put: () => Promise<void>,
): Promise<void> {
  written.add(key)
  try {
    await put()
  } catch (error) {
    const mayBeStored = error instanceof StoreError && ['ABORTED', 'STORE_UNAVAILABLE'].includes(error.code)
    if (!mayBeStored) written.delete(key)
    throw error
  }
}

function outputKeys(delivery: Delivery): readonly string[] {
  return delivery.set.files.map((name) => outputKey(delivery, name))
}

/** Returns a file's key: the path itself for a single file; other files lie beside it, and a set below its path. */
function outputKey({ output: { path }, set }: Delivery, name: string): string {
  const isFolder = path.endsWith('/')
  return name === set.entry && !isFolder ? path : path.slice(0, path.lastIndexOf('/') + 1) + name
}

function outputHeaders({ output, set, hasVideo }: Delivery, name: string): MediaHeaders {
  const isSingleFile = output.type === 'single' && name === set.entry
  return isSingleFile ? chooseSingleFileHeaders(hasVideo) : chooseMediaHeaders(name)
}

/** Removes what this delivery has stored. The journal goes last, so that it lists what could not be removed. */
async function rollBack(delivery: Delivery, written: ReadonlySet<string>): Promise<void> {
  const { store, partsKey, log } = delivery
  const signal = AbortSignal.timeout(ROLL_BACK_TIMEOUT_MS)
  const [journal, ...keys] = written
  const removeWritten = async () => {
    if (keys.length > 0) await store.remove(outputKeys(delivery), signal)
    if (journal !== undefined) await store.remove([journal], signal)
  }
  await catchStoreError(removeWritten, (error) =>
    log.warn('output of a failed delivery left in the store', { parts_key: partsKey, error }),
  )
}

/** Returns the job's failure. A full store is not transient: it is full for the next worker too. */
function toJobFailure({ code, message, isTransient }: StoreError): JobFailure {
  const isFull = code === 'ENOSPC'
  return { code: isFull ? code : 'UPLOAD_FAILED', message: `upload failed: ${message}`, is_transient: isTransient }
}
