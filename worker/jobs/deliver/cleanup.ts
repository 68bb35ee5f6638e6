import type { TaskSpec } from '../../../shared/contract/jobs.ts'
import type { Log } from '../../../shared/log.ts'
import { openStore, type StoreSettings } from '../../stores/open-store.ts'
import { type Store, StoreError } from '../../stores/store.ts'
import { type JobStorage, readJournal } from './journal.ts'

type StoredTask = Pick<TaskSpec, 'output' | 'parts_key'>
type CleanupContext = { readonly environment: StoreSettings; readonly log: Log }

const OUTPUT_TIMEOUT_MS = 20_000
const INTERMEDIATE_TIMEOUT_MS = 30_000

/**
 * Removes all files of a job that did not complete: the keys of its journal, then its own folder. The journal goes last,
 * so that an interrupted cleanup can be repeated.
 * @throws StoreError
 */
export async function removeStaleOutput(storage: JobStorage, signal: AbortSignal): Promise<void> {
  const keys = await readJournal(storage, signal)
  await storage.store.remove(keys, signal)
  await storage.store.removeFolder(storage.partsKey, signal)
}

/** Removes the stale outputs of earlier jobs, each by its `partsKey`. A failure is logged and does not fail the job. */
export async function removeStaleOutputs(
  partsKeys: readonly string[],
  { log, ...storage }: Pick<JobStorage, 'store' | 'dir'> & { readonly log: Log },
  signal: AbortSignal,
): Promise<void> {
  for (const partsKey of partsKeys) {
    const cleanUp = () => removeStaleOutput({ ...storage, partsKey }, signal)
    await catchStoreError(cleanUp, (error) =>
      log.warn('stale output left in the store', { parts_key: partsKey, error }),
    )
  }
}

/** Removes the output of a job that ended while it was stored. A failure is logged; the gateway schedules a cleanup. */
export async function removeOutput(
  task: StoredTask,
  { dir, environment, log }: CleanupContext & { readonly dir: string },
): Promise<void> {
  const partsKey = task.parts_key
  const signal = AbortSignal.timeout(OUTPUT_TIMEOUT_MS)
  const cleanUp = () => withStoreOf(task, environment, (store) => removeStaleOutput({ store, partsKey, dir }, signal))
  await catchStoreError(cleanUp, (error) => log.warn('stale output left in the store', { parts_key: partsKey, error }))
}

/** Removes the files that a completed job keeps beside its output. A failure is logged: no reader sees these files. */
export async function removeIntermediateFiles(task: StoredTask, { environment, log }: CleanupContext): Promise<void> {
  const partsKey = task.parts_key
  const signal = AbortSignal.timeout(INTERMEDIATE_TIMEOUT_MS)
  const cleanUp = () => withStoreOf(task, environment, (store) => store.removeFolder(partsKey, signal))
  await catchStoreError(cleanUp, (error) =>
    log.warn('intermediate files of a completed job left in the store', { parts_key: partsKey, error }),
  )
}

/** Opens the store of a task's output for one piece of work. */
async function withStoreOf(
  { output }: StoredTask,
  environment: StoreSettings,
  work: (store: Store) => Promise<void>,
): Promise<void> {
  await using store = await openStore(output.storage, environment)
  await work(store)
}

/** Runs a cleanup that must not fail its task: a failure of the store is passed to `warn`. */
export async function catchStoreError(cleanUp: () => Promise<void>, warn: (error: StoreError) => void): Promise<void> {
  try {
    await cleanUp()
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    warn(error)
  }
}
