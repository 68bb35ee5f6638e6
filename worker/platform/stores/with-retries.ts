import { backoffMs } from '../backoff.ts'
import { pause } from '../bell.ts'
import { type Store, StoreError } from './store.ts'

/** What a store that was not reached is asked for is asked so often in all. */
const TRIES = 5
const RETRY = { firstMs: 250, maxMs: 8000 }

/** The same store, of which every call is made again, after a pause, where the store was not reached. */
export function withRetries(store: Store): Store {
  return {
    ...store,
    put: (key, path, headers, signal) => retrying(() => store.put(key, path, headers, signal), signal),
    get: (key, path, signal) => retrying(() => store.get(key, path, signal), signal),
    remove: (keys, signal) => retrying(() => store.remove(keys, signal), signal),
    clear: (folder, signal) => retrying(() => store.clear(folder, signal), signal),
    list: (folder, signal) => retrying(() => store.list(folder, signal), signal),
  }
}

/** The signal ends a pause, and then the next try at once. */
async function retrying<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let failures = 1; ; failures++) {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof StoreError && error.isTransient) || failures === TRIES) throw error
      await pause(backoffMs(failures, RETRY), signal)
    }
  }
}
