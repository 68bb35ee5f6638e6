import * as v from 'valibot'

import type { PlaybackAddresses } from '../playback/addresses.ts'
import { Visibility } from '../rules/visibility.ts'
import type { SignedIn } from '../accounts/session.ts'
import { ARCHIVE_STATUSES } from '../rules/archive-status.ts'
import type { OwnedArchive } from '../store/archives.ts'

/** A recording as a viewer sees it. */
export const ArchiveView = v.object({
  archive_id: v.string(),
  stream_id: v.string(),
  user: v.object({ user_id: v.string(), username: v.string() }),
  title: v.string(),
  visibility: Visibility,
  status: v.picklist(ARCHIVE_STATUSES),
  /** Seconds. */
  duration: v.nullable(v.number()),
  /** Bytes of the file for download. */
  file_size: v.nullable(v.number()),
  playback_url: v.nullable(v.string()),
  download_url: v.nullable(v.string()),
  poster_url: v.nullable(v.string()),
  /** Why there is no file for download, for its owner. */
  error: v.nullable(v.string()),
  /** Since when, and why, a moderator has taken it down, for its owner. */
  taken_down: v.nullable(v.object({ at: v.pipe(v.string(), v.isoTimestamp()), reason: v.string() })),
  created_at: v.pipe(v.string(), v.isoTimestamp()),
  /** Since when its files are gone; `null`: they are there. */
  expired_at: v.nullable(v.pipe(v.string(), v.isoTimestamp())),
})
export type ArchiveView = v.InferOutput<typeof ArchiveView>

/** A recording with its chapters: from each title that the broadcast had, `start` in seconds. */
export const ArchiveDetails = v.object({
  ...ArchiveView.entries,
  chapters: v.array(v.object({ start: v.number(), title: v.string() })),
  /** Whether the chat of its broadcast is kept: `GET /archives/{id}/messages`. */
  has_chat: v.boolean(),
})
export type ArchiveDetails = v.InferOutput<typeof ArchiveDetails>

/** Answer to `GET /archives`. */
export const ArchiveList = v.object({ archives: v.array(ArchiveView), next_cursor: v.nullable(v.string()) })
export type ArchiveList = v.InferOutput<typeof ArchiveList>

/** Where a recording plays for one viewer, and where its file is saved; `null`: there is none. */
export type ArchiveAddresses = PlaybackAddresses & { readonly downloadUrl: string | null }

/** Returns a recording as its viewer sees it; the addresses are for this viewer. */
export function presentArchive(
  { archive, stream, username }: OwnedArchive,
  viewer: SignedIn | null,
  { playbackUrl, posterUrl, downloadUrl }: ArchiveAddresses,
): ArchiveView {
  const isOwn = viewer?.user.userId === archive.userId
  const { takeDown } = stream
  return {
    archive_id: archive.archiveId,
    stream_id: archive.streamId,
    user: { user_id: archive.userId, username },
    title: archive.title,
    visibility: archive.visibility,
    status: archive.status,
    duration: archive.durationSec,
    file_size: archive.fileSize,
    playback_url: playbackUrl,
    download_url: downloadUrl,
    poster_url: posterUrl,
    error: isOwn ? archive.error : null,
    taken_down: isOwn && takeDown !== null ? { at: takeDown.at, reason: takeDown.reason } : null,
    created_at: archive.createdAt.toISOString(),
    expired_at: stream.discardedAt?.toISOString() ?? null,
  }
}
