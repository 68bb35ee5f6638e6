import type { StorageKind } from '../../shared/contract/jobs.ts'
import { openStore } from '../platform/stores/open-store.ts'
import { StoreError, type Store } from '../platform/stores/store.ts'
import type { Bench } from './bench.ts'
import { fault, mishap, type Unfinished } from './failure.ts'

/** Works with a store that is open meanwhile; what the store says no to is a value. */
export async function withStore<Result>(
  kind: StorageKind,
  { environment }: Pick<Bench, 'environment'>,
  work: (store: Store) => Promise<Result>,
): Promise<Result | Unfinished> {
  try {
    await using store = await openStore(kind, environment)
    return await work(store)
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    return failureOf(error)
  }
}

function failureOf({ code, message, isTransient }: StoreError): Unfinished {
  switch (code) {
    case 'ABORTED':
      return { kind: 'aborted' }
    case 'ENOSPC':
      return mishap('ENOSPC', 'the disk is full')
    case 'STORE_NOT_FOUND':
      return fault('PART_MISSING', 'a part of the job is not in the store any more')
    case 'STORE_UNAVAILABLE':
    case 'STORE_REFUSED':
    case 'TOO_LARGE':
      return (isTransient ? mishap : fault)('UPLOAD_FAILED', message)
  }
}
