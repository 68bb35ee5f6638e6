import type { StoreSettings } from '../settings/stores.ts'

/** Returns the store of broadcasts: the default one, where it can be read while it is written; `null`: there is none. */
export function chooseStorage({ defaultStorage, storages }: StoreSettings): 'local' | 's3' | null {
  if (defaultStorage === 'local' || defaultStorage === 's3') return defaultStorage
  return storages.includes('local') ? 'local' : storages.includes('s3') ? 's3' : null
}
