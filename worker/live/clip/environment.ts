import * as v from 'valibot'

import { NonEmptyText, WorkerEnvironment } from '../../environment.ts'
import { StoreSettings } from '../../stores/open-store.ts'

const CLIP_ID = /^clip-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** Environment variables of a worker that cuts a clip. */
export const ClipEnvironment = v.object({
  ...WorkerEnvironment.entries,
  ...StoreSettings.entries,
  CLIP_ID: v.pipe(v.string(), v.regex(CLIP_ID, 'must be the id of a clip')),
  STORAGE_TYPE: v.picklist(['local', 's3'], 'must be local or s3'),
  FFMPEG_PATH: v.optional(NonEmptyText, 'ffmpeg'),
  WORK_DIR: v.optional(NonEmptyText, '/tmp/live'),
})
export type ClipEnvironment = v.InferOutput<typeof ClipEnvironment>
