import type { ArchiveList } from '../../archives/present.ts'
import { listArchives } from '../../archives/read-archives.ts'
import { listStreams } from '../../broadcasts/list-streams.ts'
import type { StreamView } from '../../broadcasts/present.ts'
import type { ClipList } from '../../clips/present.ts'
import { listClips } from '../../clips/read-clips.ts'
import { readSchedule } from '../../schedule/read-schedule.ts'
import type { ListTurn } from '../list-turn.tsx'
import type { Visit } from '../visit.ts'

/** The lists of the page that can have further pages. */
export const CHANNEL_LISTS = ['recordings', 'clips'] as const
export type ChannelListName = (typeof CHANNEL_LISTS)[number]

export type ChannelLists = {
  readonly live: readonly StreamView[]
  readonly scheduled: readonly StreamView[]
  readonly recordings: ArchiveList
  readonly clips: ClipList
}

/** As many as an account can have at a time. */
const LIVE_SHOWN = 100
const RECORDINGS_SHOWN = 48
const CLIPS_SHOWN = 24

/** Reads what the page of a channel shows: the beginnings of all its lists, or a further page of one. */
export async function readChannelLists(
  { context, signedIn }: Visit,
  userId: string,
  turn: ListTurn<ChannelListName> | null,
): Promise<ChannelLists> {
  const of = { user: userId, cursor: turn?.cursor }
  const isShown = (name: ChannelListName) => turn === null || turn.list === name
  const noStreams = { streams: [] }
  const [live, scheduled, recordings, clips] = await Promise.all([
    turn === null ? listStreams(context, signedIn, { ...of, state: 'live', limit: LIVE_SHOWN }) : noStreams,
    turn === null ? readSchedule(context, signedIn, userId) : noStreams,
    isShown('recordings')
      ? listArchives(context, signedIn, { ...of, limit: RECORDINGS_SHOWN })
      : { archives: [], next_cursor: null },
    isShown('clips')
      ? listClips(context, signedIn, { ...of, stream_id: undefined, limit: CLIPS_SHOWN })
      : { clips: [], next_cursor: null },
  ])
  return { live: live.streams, scheduled: scheduled.streams, recordings, clips }
}
