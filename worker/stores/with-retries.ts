import { computeBackoffMs } from '../platform/backoff.ts'
import { sleep } from '../platform/wake-signal.ts'
import { type Store, StoreError } from './store.ts'

const MAX_ATTEMPTS = 5
const BACKOFF = { firstMs: 250, maxMs: 8000 }

/** Returns a store that repeats calls which fail with a transient error, up to five attempts with backoff. */
export function withRetries(store: Store): Store {
  return {
    ...store,
    put: (key, path, headers, signal) => retry(() => store.put(key, path, headers, signal), signal),
    get: (key, path, signal) => retry(() => store.get(key, path, signal), signal),
    remove: (keys, signal) => retry(() => store.remove(keys, signal), signal),
    removeFolder: (folder, signal) => retry(() => store.removeFolder(folder, signal), signal),
    list: (folder, signal) => retry(() => store.list(folder, signal), signal),
    changeClass: (folder, storageClass, signal) => retry(() => store.changeClass(folder, storageClass, signal), signal),
  }
}

/** Repeats a call. An abort ends the wait; the next attempt then fails at once with `ABORTED`. */
async function retry<Result>(call: () => Promise<Result>, signal: AbortSignal): Promise<Result> {
  for (let failures = 1; ; failures++) {
    try {
      return await call()
    } catch (error) {
      if (!(error instanceof StoreError && error.isTransient) || failures === MAX_ATTEMPTS) throw error
      await sleep(computeBackoffMs(failures, BACKOFF), signal)
    }
  }
}
