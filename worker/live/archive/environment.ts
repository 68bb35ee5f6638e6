import * as v from 'valibot'

import { NonEmptyText, WorkerEnvironment } from '../../environment.ts'
import { StoreSettings } from '../../stores/open-store.ts'

const ARCHIVE_ID = /^archive-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** Environment variables of a worker that makes the file of a recording. */
export const ArchiveEnvironment = v.object({
  ...WorkerEnvironment.entries,
  ...StoreSettings.entries,
  ARCHIVE_ID: v.pipe(v.string(), v.regex(ARCHIVE_ID, 'must be the id of a recording')),
  STORAGE_TYPE: v.picklist(['local', 's3'], 'must be local or s3'),
  FFMPEG_PATH: v.optional(NonEmptyText, 'ffmpeg'),
  WORK_DIR: v.optional(NonEmptyText, '/tmp/live'),
})
export type ArchiveEnvironment = v.InferOutput<typeof ArchiveEnvironment>
