import * as v from 'valibot'

import { BoundPort, NonEmptyText, WorkerEnvironment } from '../environment.ts'
import { StoreSettings } from '../stores/open-store.ts'

const BROADCAST_ID = /^live-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** Environment variables of a broadcast's worker. */
export const LiveEnvironment = v.object({
  ...WorkerEnvironment.entries,
  ...StoreSettings.entries,
  BROADCAST_ID: v.pipe(v.string(), v.regex(BROADCAST_ID, 'must be the id of a broadcast')),
  STORAGE_TYPE: v.picklist(['local', 's3'], 'must be local or s3'),
  FFMPEG_PATH: v.optional(NonEmptyText, 'ffmpeg'),
  FFPROBE_PATH: v.optional(NonEmptyText, 'ffprobe'),
  WORK_DIR: v.optional(NonEmptyText, '/tmp/live'),
  /** Where gateways read the parts. */
  PARTS_PORT: v.optional(BoundPort, '0'),
})
export type LiveEnvironment = v.InferOutput<typeof LiveEnvironment>
