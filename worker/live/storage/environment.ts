import * as v from 'valibot'

import { NonEmptyText, WorkerEnvironment } from '../../environment.ts'
import { StoreSettings } from '../../stores/open-store.ts'

/** Environment variables of a worker that removes and moves stored files. */
export const StorageEnvironment = v.object({
  ...WorkerEnvironment.entries,
  ...StoreSettings.entries,
  STORAGE_ID: v.pipe(NonEmptyText, v.regex(/^storage-\d+$/, 'must be the id of a storage assignment')),
  STORAGE_TYPE: v.picklist(['local', 's3'], 'must be local or s3'),
})
export type StorageEnvironment = v.InferOutput<typeof StorageEnvironment>
