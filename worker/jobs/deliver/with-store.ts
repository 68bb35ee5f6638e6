import type { StorageKind } from '../../../shared/contract/stores.ts'
import { openStore } from '../../stores/open-store.ts'
import { type Store, StoreError } from '../../stores/store.ts'
import { type FailedOrAborted, permanentFailure, transientFailure } from '../result.ts'
import type { TaskContext } from '../task-context.ts'

/** Opens a store for the time that `work` runs. A `StoreError` becomes the task's failure; other errors are thrown. */
export async function withStore<Result>(
  kind: StorageKind,
  { environment }: Pick<TaskContext, 'environment'>,
  work: (store: Store) => Promise<Result>,
): Promise<Result | FailedOrAborted> {
  try {
    await using store = await openStore(kind, environment)
    return await work(store)
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    return toTaskFailure(error)
  }
}

function toTaskFailure({ code, message, isTransient }: StoreError): FailedOrAborted {
  switch (code) {
    case 'ABORTED':
      return { kind: 'aborted' }
    case 'ENOSPC':
      return transientFailure('ENOSPC', 'the disk is full')
    case 'STORE_NOT_FOUND':
      return permanentFailure('PART_MISSING', 'an intermediate file of the job is missing in the store')
    case 'STORE_UNAVAILABLE':
    case 'STORE_REFUSED':
    case 'TOO_LARGE':
      return (isTransient ? transientFailure : permanentFailure)('UPLOAD_FAILED', message)
  }
}
