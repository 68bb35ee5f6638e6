import * as v from 'valibot'

import { UUID } from '../../../shared/ids.ts'
import { objectProblem } from '../../http/json-body.ts'
import { Cursor, EMPTY_IS_ABSENT, Limit } from '../../http/paging.ts'
import { numberIn } from '../../http/request-fields.ts'
import { CLIP_SEC } from '../rules/clip-range.ts'
import { Title } from '../rules/title.ts'

const MAX_RECORDING_SEC = 1_000_000
const common = {
  duration: numberIn(CLIP_SEC.min, CLIP_SEC.max, ' seconds'),
  /** Default: the title of the broadcast or the recording. */
  title: v.optional(Title),
}

/** Body of `POST /archives/{id}/clips`: `start` counts from the begin of the recording, in seconds. */
export const ArchiveClipBody = v.strictObject(
  { ...common, start: numberIn(0, MAX_RECORDING_SEC, ' seconds') },
  objectProblem,
)
export type ArchiveClipBody = v.InferOutput<typeof ArchiveClipBody>

/**
 * Body of `POST /streams/{id}/clips`: `start` is negative and counts back from the newest stored picture, in seconds.
 * Without it, the clip ends there.
 */
export const StreamClipBody = v.strictObject(
  { ...common, start: v.optional(numberIn(-MAX_RECORDING_SEC, -CLIP_SEC.min, ' seconds')) },
  objectProblem,
)
export type StreamClipBody = v.InferOutput<typeof StreamClipBody>

/** Body of `PUT` and `PATCH /clips/{id}`. */
export const UpdateClipBody = v.strictObject({ title: Title }, objectProblem)
export type UpdateClipBody = v.InferOutput<typeof UpdateClipBody>

/** Query of `GET /clips`; `user` is the channel that clips are of. */
export const ClipListQuery = v.strictObject(
  {
    user: v.optional(v.pipe(v.string('must be given once'), v.maxLength(100, 'is too long'), EMPTY_IS_ABSENT)),
    stream_id: v.optional(v.pipe(v.string('must be given once'), v.regex(UUID, 'must be the id of a broadcast'))),
    cursor: Cursor,
    limit: Limit,
  },
  objectProblem,
)
export type ClipListQuery = v.InferOutput<typeof ClipListQuery>
