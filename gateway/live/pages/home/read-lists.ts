import type { ArchiveList } from '../../archives/present.ts'
import { listArchives } from '../../archives/read-archives.ts'
import { listLiveStreams, listStreams } from '../../broadcasts/list-streams.ts'
import type { StreamList } from '../../broadcasts/present.ts'
import type { ListTurn } from '../list-turn.tsx'
import type { Visit } from '../visit.ts'

/** The lists of the page that can have further pages. */
export const HOME_LISTS = ['live', 'scheduled', 'ended', 'recordings'] as const
export type HomeListName = (typeof HOME_LISTS)[number]

/** What the page shows by its address; empty texts narrow nothing. */
export type HomeView = {
  readonly text: string
  readonly category: string
  readonly turn: ListTurn<HomeListName> | null
}

export type HomeLists = {
  readonly live: StreamList
  readonly scheduled: StreamList
  readonly ended: StreamList
  readonly recordings: ArchiveList
}

const LIVE_SHOWN = 60
const MORE_SHOWN = 12

/** Returns whether the page is narrowed to some broadcasts. */
export function narrows({ text, category }: HomeView): boolean {
  return text !== '' || category !== ''
}

/** Reads what the page shows. A search finds broadcasts that have ended; without one, there are recordings. */
export async function readHomeLists({ context, signedIn }: Visit, view: HomeView): Promise<HomeLists> {
  const { text, category, turn } = view
  const isNarrowed = narrows(view)
  const none = { streams: [], next_cursor: null }
  const isShown = (name: HomeListName) => {
    if (turn !== null) return turn.list === name
    return name === 'ended' ? isNarrowed : name !== 'recordings' || !isNarrowed
  }
  const page = (limit: number) => ({
    user: undefined,
    category: category === '' ? undefined : category,
    q: text === '' ? undefined : text,
    cursor: turn?.cursor,
    limit: turn === null ? limit : LIVE_SHOWN,
  })
  const read = (state: 'scheduled' | 'ended') =>
    isShown(state) ? listStreams(context, signedIn, { ...page(MORE_SHOWN), state }) : none
  const [live, scheduled, ended, recordings] = await Promise.all([
    isShown('live') ? listLiveStreams(context, signedIn, page(LIVE_SHOWN)) : none,
    read('scheduled'),
    read('ended'),
    isShown('recordings') ? listArchives(context, signedIn, page(MORE_SHOWN)) : { archives: [], next_cursor: null },
  ])
  return { live, scheduled, ended, recordings }
}
