import type { StorageResult, StorageTask } from '../../../shared/contract/live-files.ts'
import { StoreError, type Store } from '../../stores/store.ts'

/** Limit for one task, in ms. What it has done by then stays done, and the next try goes on there. */
const TASK_TIMEOUT_MS = 600_000
/** No task is begun after this time, in ms. */
const BEGIN_WITHIN_MS = 900_000

/** Runs tasks one after another; returns the results of those that were begun. A failed one does not stop the others. */
export async function runTasks(
  tasks: readonly StorageTask[],
  store: Store,
  signal: AbortSignal,
): Promise<readonly StorageResult[]> {
  const results: StorageResult[] = []
  const beginUntilMs = performance.now() + BEGIN_WITHIN_MS
  for (const task of tasks) {
    if (signal.aborted || performance.now() > beginUntilMs) break
    results.push({ task_id: task.task_id, problem: await findProblem(task, store, signal) })
  }
  return results
}

/** Runs a task; returns why it failed, or `null`. */
async function findProblem(task: StorageTask, store: Store, signal: AbortSignal): Promise<string | null> {
  try {
    await runTask(task, store, AbortSignal.any([signal, AbortSignal.timeout(TASK_TIMEOUT_MS)]))
    return null
  } catch (error) {
    if (error instanceof StoreError) return `${error.code}: ${error.message}`.slice(0, 300)
    throw error
  }
}

function runTask(task: StorageTask, store: Store, signal: AbortSignal): Promise<void> {
  switch (task.action) {
    case 'remove_folder':
      return task.keep.length === 0 ? store.removeFolder(task.folder, signal) : removeOthers(task, store, signal)
    case 'remove_files':
      return store.remove(
        task.names.map((name) => task.folder + name),
        signal,
      )
    case 'change_class':
      return store.changeClass(task.folder, task.storage_class, signal)
  }
}

/** Removes everything below a folder but the files that it names. */
async function removeOthers(
  { folder, keep }: Extract<StorageTask, { action: 'remove_folder' }>,
  store: Store,
  signal: AbortSignal,
): Promise<void> {
  const kept = new Set(keep.map((name) => folder + name))
  const keys = await store.list(folder, signal)
  await store.remove(
    keys.filter((key) => !kept.has(key)),
    signal,
  )
}
