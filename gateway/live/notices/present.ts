import * as v from 'valibot'

import { BROADCAST_STATES } from '../rules/broadcast-state.ts'
import { NoticeKind } from '../rules/notice-kind.ts'
import type { NoticeOfStream } from '../store/notices.ts'

const Moment = v.pipe(v.string(), v.isoTimestamp())

/** A notice as its user sees it, with the broadcast as it is now. */
export const NoticeView = v.object({
  notification_id: v.string(),
  kind: NoticeKind,
  stream: v.object({
    stream_id: v.string(),
    title: v.string(),
    user: v.object({ user_id: v.string(), username: v.string() }),
    state: v.picklist(BROADCAST_STATES),
    scheduled_for: v.nullable(Moment),
    started_at: v.nullable(Moment),
  }),
  created_at: Moment,
  /** `null`: it is not read. */
  read_at: v.nullable(Moment),
})
export type NoticeView = v.InferOutput<typeof NoticeView>

/** Answer to `GET /notifications`. */
export const NoticeList = v.object({
  notifications: v.array(NoticeView),
  next_cursor: v.nullable(v.string()),
  /** All that are not read, at most 100. */
  unread_count: v.number(),
})
export type NoticeList = v.InferOutput<typeof NoticeList>

/** Returns a notice as its user sees it. */
export function presentNotice({ notice, stream, username }: NoticeOfStream): NoticeView {
  return {
    notification_id: notice.notificationId,
    kind: notice.kind,
    stream: {
      stream_id: stream.streamId,
      title: stream.title,
      user: { user_id: stream.userId, username },
      state: stream.state,
      scheduled_for: stream.scheduledFor?.toISOString() ?? null,
      started_at: stream.startedAt?.toISOString() ?? null,
    },
    created_at: notice.createdAt.toISOString(),
    read_at: notice.readAt?.toISOString() ?? null,
  }
}
