import { BrokenRule } from '../../errors.ts'
import type { ObjectStore } from '../../ports/object-store.ts'
import type { LiveContext } from '../context.ts'
import { LIVE_ERRORS } from '../errors.ts'
import type { SessionMoment } from '../rules/continuous-runs.ts'
import type { SegmentRow } from '../store/segments.ts'
import type { Stream } from '../store/streams.ts'
import type { AccessChecks } from './access-checks.ts'
import type { LimitUnplayed } from './limit-unplayed.ts'
import type { PlaylistCache } from './playlist-cache.ts'
import type { PlaylistWindow } from './playlist-window.ts'
import type { ViewerLeases } from './viewer-leases.ts'
import type { PlayedStream, PlayedStreams } from './windows.ts'

/** What the playback routes of one gateway work with. */
export type Playback = {
  readonly context: LiveContext
  readonly checks: AccessChecks
  readonly played: PlayedStreams
  readonly limitUnplayed: LimitUnplayed
  readonly leases: ViewerLeases
  readonly playlists: PlaylistCache
  /** Returns whether the gateway stops: requests are answered with what there is, before their connections are cut. */
  readonly isClosing: () => boolean
  /** The files of broadcasts; `null`: players read them elsewhere. */
  readonly files: ObjectStore | null
}

/** How long a blocking reload or a part is waited for, in ms: at most three target durations (RFC 8216bis §6.2.5.2). */
export const LONGEST_RELOAD_MS = 6000

/** Returns what a playlist of a broadcast shows now: its window, or `fromStart` its recording, where it has one. */
export function windowOf({ context }: Playback, played: PlayedStream, fromStart = false): PlaylistWindow {
  const { stream, runs, feed } = played
  const recording = fromStart ? played.recording : null
  const segments = recording ?? played.segments
  const { filesUrl } = context.settings.live
  // Below the path of the playlist itself: an installation may have a path prefix.
  const relative = stream.folder.slice(`live/${stream.streamId}/`.length)
  return {
    segments,
    isRecording: recording !== null,
    runs,
    end: endOf(stream, segments),
    // Its last segment may come after its end.
    hasEnded: stream.closedAt !== null,
    parts: feed?.parts() ?? null,
    filesBase: filesUrl === null ? relative : `${filesUrl}/${stream.folder}`,
    partsBase: relative,
  }
}

/** Returns where the last segment ends; `null` where a newer one was stored than the row of the broadcast knows. */
function endOf({ nextSeq, knownSession, knownUntilMs }: Stream, segments: readonly SegmentRow[]): SessionMoment | null {
  const isNewest = segments.at(-1)?.seq === nextSeq - 1
  return isNewest && knownSession !== null && knownUntilMs !== null
    ? { session: knownSession, atMs: knownUntilMs }
    : null
}

/** Returns the refusal of a request for what does not exist, or may not be played. */
export function notPlayable(message: string): BrokenRule {
  return new BrokenRule(LIVE_ERRORS.STREAM_NOT_FOUND, message)
}
