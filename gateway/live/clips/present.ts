import * as v from 'valibot'

import type { SignedIn } from '../accounts/session.ts'
import type { LiveContext } from '../context.ts'
import { ARCHIVE_STATUSES } from '../rules/archive-status.ts'
import { clipFilesOf } from '../rules/clip-files.ts'
import { Visibility } from '../rules/visibility.ts'
import { downloadUrlOf } from '../storage/download-url.ts'
import type { OwnedClip } from '../store/clips.ts'

const Person = v.object({ user_id: v.string(), username: v.string() })

/** A clip as a viewer sees it. */
export const ClipView = v.object({
  clip_id: v.string(),
  stream_id: v.string(),
  /** The recording of its broadcast; `null`: there is none, or not yet. */
  archive_id: v.nullable(v.string()),
  /** The channel that it is of, and who made it. */
  user: Person,
  created_by: Person,
  title: v.string(),
  /** That of the recording, or else of the broadcast. */
  visibility: Visibility,
  status: v.picklist(ARCHIVE_STATUSES),
  /** Seconds. */
  duration: v.number(),
  /** Bytes; `null` until it is made. */
  file_size: v.nullable(v.number()),
  /** An MP4 file, which needs no header. */
  playback_url: v.nullable(v.string()),
  download_url: v.nullable(v.string()),
  poster_url: v.nullable(v.string()),
  /** Why it could not be made, for its maker and the channel. */
  error: v.nullable(v.string()),
  created_at: v.pipe(v.string(), v.isoTimestamp()),
})
export type ClipView = v.InferOutput<typeof ClipView>

/** Answer to `GET /clips`. */
export const ClipList = v.object({ clips: v.array(ClipView), next_cursor: v.nullable(v.string()) })
export type ClipList = v.InferOutput<typeof ClipList>

/** Returns a clip as its viewer sees it. */
export function presentClip(context: LiveContext, found: OwnedClip, viewer: SignedIn | null): ClipView {
  const { clip, stream } = found
  const isOwn = viewer?.user.userId === clip.makerId || viewer?.user.userId === stream.userId
  const files = clip.status === 'ready' ? clipFilesOf(stream.folder, clip.clipId) : null
  const base = `${context.settings.live.filesUrl ?? ''}/`
  return {
    clip_id: clip.clipId,
    stream_id: clip.streamId,
    archive_id: found.archiveId,
    user: { user_id: stream.userId, username: found.username },
    created_by: { user_id: clip.makerId, username: found.makerName },
    title: clip.title,
    visibility: found.visibility,
    status: clip.status,
    duration: clip.durationSec,
    file_size: clip.fileSize,
    playback_url: files === null ? null : base + files.output,
    download_url: files === null ? null : downloadUrlOf(context, base + files.output, clip.title),
    poster_url: files === null ? null : base + files.poster,
    error: isOwn ? clip.error : null,
    created_at: clip.createdAt.toISOString(),
  }
}
