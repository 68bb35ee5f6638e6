import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import * as v from 'valibot'

import type { JobFailure, JobOutput } from '../../shared/contract/jobs.ts'
import type { OutputType } from '../../shared/contract/presets.ts'
import type { Log } from '../../shared/log.ts'
import { type MediaHeaders, mediaHeadersOf, singleHeadersOf } from '../../shared/media-headers.ts'
import { inParallel } from '../platform/in-parallel.ts'
import { type Store, StoreError } from '../platform/stores/store.ts'
import { isPlaylist, type OutputSet } from './output-plan.ts'

/** How much of an output is stored: whole files. */
export type Delivered = { readonly files: number; readonly filesDone: number; readonly bytesDone: number }

export type Delivery = {
  readonly store: Store
  readonly set: OutputSet
  /** The path is the key of a single file, or the folder, with its slash, of a set. */
  readonly output: { readonly path: string; readonly type: OutputType }
  /** The output is not sound alone. */
  readonly hasPicture: boolean
  /** The job's own folder in the store (`.tallylight/{job_id}/`). */
  readonly partsKey: string
  readonly onProgress: (delivered: Delivered) => void
  /**
   * Asked when it is aborted or has failed. False where another worker may have the job by now: then nothing is
   * removed, for what lies there may be the other's; the journal tells a sweep of it.
   */
  readonly isStillOurs: () => boolean
  /** No worker before this one can have stored anything of the output. */
  readonly isFirstAttempt: boolean
  readonly log: Log
}

export type DeliveryResult =
  | { readonly kind: 'done'; readonly output: JobOutput }
  | { readonly kind: 'failed'; readonly failure: JobFailure }
  | { readonly kind: 'aborted' }

const PARALLEL_FILES = 8

/** Removing what was put after a failure, or what no longer serves after the end, takes no longer. */
const CLEANING_TIMEOUT_MS = 30_000

/**
 * Stores an output: several files at once; first what others refer to, then playlists and manifests, last what a reader
 * opens. A journal of its keys goes before the first file; it stays until `tidy`, for the job may yet turn out to be
 * over. When it fails or is aborted, all its keys are removed, also where an earlier job had put files at the same ones:
 * an output that is half one and half the other is none. Where it had put nothing yet, that of the earlier job stays.
 * @throws where the set's own files cannot be read; the store is then left clean too
 */
export async function deliver(delivery: Delivery, signal: AbortSignal): Promise<DeliveryResult> {
  const { store, set, output } = delivery
  const written = new Set<string>()
  try {
    await removeEarlier(delivery, signal)
    await putJournal(delivery, written, signal)
    const bytes = await putAll(delivery, written, signal)
    const output_url = store.urlOf(keyOf(delivery, set.entry))
    return {
      kind: 'done',
      output: { output_url, output_type: output.type, files_uploaded: set.files.length, bytes },
    }
  } catch (error) {
    if (delivery.isStillOurs()) await takeBack(delivery, written)
    else delivery.log.info('output left to the job’s next worker', { parts_key: delivery.partsKey })
    if (signal.aborted) return { kind: 'aborted' }
    if (error instanceof StoreError) return { kind: 'failed', failure: failureOf(error) }
    throw error
  }
}

/** What is to be swept; `dir` is a folder of the worker's own. */
type Sweep = { readonly store: Store; readonly partsKey: string; readonly dir: string }

/**
 * Removes what a job that ended otherwise has left in the store: the keys of its journal, and all below `partsKey`. It
 * can be repeated, and one that is broken off leaves the journal to the next.
 * @throws StoreError
 */
export async function sweep(what: Sweep, signal: AbortSignal): Promise<void> {
  const { store, partsKey } = what
  const keys = await readJournal(what, signal)
  await store.remove(keys, signal)
  await store.clear(partsKey, signal)
}

/** The same for jobs that had the place before. What cannot be removed is said, and no reason not to store. */
export async function sweepLeftovers(
  partsKeys: readonly string[],
  { log, ...place }: Pick<Sweep, 'store' | 'dir'> & { readonly log: Log },
  signal: AbortSignal,
): Promise<void> {
  for (const partsKey of partsKeys) {
    try {
      await sweep({ ...place, partsKey }, signal)
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      log.warn('what an earlier job has left stays in the store', { parts_key: partsKey, error })
    }
  }
}

/** A single file lies at the path itself, and what goes with it, beside it; a set lies below its path. */
function keyOf({ output: { path }, set }: Delivery, name: string): string {
  const isFolder = path.endsWith('/')
  return name === set.entry && !isFolder ? path : path.slice(0, path.lastIndexOf('/') + 1) + name
}

function headersOf({ output, set, hasPicture }: Delivery, name: string): MediaHeaders {
  return output.type === 'single' && name === set.entry ? singleHeadersOf(hasPicture) : mediaHeadersOf(name)
}

async function putAll(delivery: Delivery, written: Set<string>, signal: AbortSignal): Promise<number> {
  const { set, onProgress } = delivery
  const files = set.files.length
  let filesDone = 0
  let bytesDone = 0
  const putOne = async (name: string, fileSignal: AbortSignal) => {
    const path = join(set.dir, name)
    const { size } = await stat(path)
    const key = keyOf(delivery, name)
    await putOver({ written, key }, () => delivery.store.put(key, path, headersOf(delivery, name), fileSignal))
    filesDone++
    bytesDone += size
    onProgress({ files, filesDone, bytesDone })
  }
  for (const phase of phasesOf(set)) await inParallel(phase, putOne, { limit: PARALLEL_FILES, signal })
  return bytesDone
}

/** Whoever opens a file finds there what it refers to. A WebVTT file of thumbnails refers to pictures. */
function phasesOf({ files, entry }: OutputSet): readonly (readonly string[])[] {
  const refers = (name: string) => isPlaylist(name) || name.endsWith('.vtt')
  const others = files.filter((name) => name !== entry)
  return [others.filter((name) => !refers(name)), others.filter(refers), [entry]]
}

/** The keys that a job is about to fill: whoever has to remove them need not know what it has made. */
const Journal = v.object({ keys: v.array(v.string()) })

function journalKeyOf(partsKey: string): string {
  return `${partsKey}files.json`
}

async function putJournal(delivery: Delivery, written: Set<string>, signal: AbortSignal): Promise<void> {
  const journal = { keys: delivery.set.files.map((name) => keyOf(delivery, name)) }
  const headers = { contentType: 'application/json', cacheControl: 'no-store' }
  const path = journalPathIn(delivery.set.dir)
  await writeFile(path, JSON.stringify(journal))
  const key = journalKeyOf(delivery.partsKey)
  await putOver({ written, key }, () => delivery.store.put(key, path, headers, signal))
}

/** Notes a key before something may lie there that is ours: only where the store said no there is nothing. */
async function putOver(
  { written, key }: { readonly written: Set<string>; readonly key: string },
  put: () => Promise<void>,
): Promise<void> {
  written.add(key)
  try {
    await put()
  } catch (error) {
    const isUnclear = error instanceof StoreError && ['ABORTED', 'STORE_UNAVAILABLE'].includes(error.code)
    if (!isUnclear) written.delete(key)
    throw error
  }
}

/** On its way between the store and us, in the worker's folder. */
function journalPathIn(dir: string): string {
  return join(dir, '.files.json')
}

async function readJournal({ store, partsKey, dir }: Sweep, signal: AbortSignal): Promise<readonly string[]> {
  const path = journalPathIn(dir)
  try {
    await store.get(journalKeyOf(partsKey), path, signal)
  } catch (error) {
    if (error instanceof StoreError && error.code === 'STORE_NOT_FOUND') return []
    throw error
  }
  const journal = v.safeParse(v.pipe(v.string(), v.parseJson(), Journal), await readFile(path, 'utf8'))
  if (!journal.success) throw new StoreError('STORE_REFUSED', 'the list of a job’s files in the store is broken')
  return journal.output.keys
}

/** An attempt that died while it stored has left a journal: what it put goes first, and what it had not put whole. */
async function removeEarlier({ store, set, partsKey, isFirstAttempt }: Delivery, signal: AbortSignal): Promise<void> {
  if (isFirstAttempt) return
  const keys = await readJournal({ store, partsKey, dir: set.dir }, signal)
  if (keys.length > 0) await store.remove(keys, signal)
}

/**
 * Removes what lies below `partsKey`, once the gateway knows that the output stands. What is left over is litter that no
 * reader sees, and no reason to fail.
 */
export async function tidy(store: Store, partsKey: string, log: Log): Promise<void> {
  const signal = AbortSignal.timeout(CLEANING_TIMEOUT_MS)
  try {
    await store.clear(partsKey, signal)
  } catch (error) {
    log.warn('parts of a finished job left in the store', { parts_key: partsKey, error })
  }
}

/** What cannot be removed now stays in the journal, which was written first. */
async function takeBack(delivery: Delivery, written: ReadonlySet<string>): Promise<void> {
  const { store, set, partsKey, log } = delivery
  const signal = AbortSignal.timeout(CLEANING_TIMEOUT_MS)
  const [journal, ...keys] = written
  try {
    if (keys.length > 0)
      await store.remove(
        set.files.map((name) => keyOf(delivery, name)),
        signal,
      )
    if (journal !== undefined) await store.remove([journal], signal)
  } catch (error) {
    log.warn('output of a failed delivery left in the store', { parts_key: partsKey, error })
  }
}

/** A full store will be full for the next worker too. */
function failureOf({ code, message, isTransient }: StoreError): JobFailure {
  const isFull = code === 'ENOSPC'
  return { code: isFull ? code : 'UPLOAD_FAILED', message: `upload failed: ${message}`, is_transient: isTransient }
}
