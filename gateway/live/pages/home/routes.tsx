/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import { Hono } from 'hono'

import { Icon } from '../../../web/components/icons.tsx'
import type { ArchiveView } from '../../archives/present.ts'
import { listArchives } from '../../archives/read-archives.ts'
import { listStreams } from '../../broadcasts/list-streams.ts'
import type { StreamView } from '../../broadcasts/present.ts'
import { showPage } from '../frame.tsx'
import { BROADCAST_LIST_MESSAGES } from '../messages/broadcast-lists.ts'
import { ArchiveCard, FeaturedStream, LISTS_SCRIPT, StreamCard } from '../stream-card.tsx'
import { open, type PagesContext, type Visit } from '../visit.ts'
import { DarkStage, NothingFound } from './blank.tsx'
import { FollowedChannels } from './followed.tsx'

const LIVE_SHOWN = 60
const MORE_SHOWN = 12
/** Interval of looking for changes, in seconds. */
const REFRESH_SEC = 2
const ROOT = '.'

/** What the page is narrowed to by its address; empty texts narrow nothing. */
type HomeFilter = { readonly text: string; readonly category: string }

/** Returns the page of the broadcasts that are live now. */
export function homeRoutes(context: PagesContext): Hono {
  return new Hono().get(
    '/',
    open(context, async (visit) => {
      const { c, language } = visit
      const filter = {
        text: toLine(c.req.query('q')).trim(),
        category: toLine(c.req.query('category')),
      }
      const list = await HomeList({ visit, filter })
      if (c.req.query('part') === 'list') {
        c.header('Cache-Control', 'no-store')
        return c.html(list)
      }
      const main = (
        <div class="wrap stack">
          <SearchForm visit={visit} filter={filter} />
          <div class="stack" data-refresh={partUrl(filter)} data-every={REFRESH_SEC}>
            {list}
          </div>
        </div>
      )
      const title = filter.text === '' ? '' : BROADCAST_LIST_MESSAGES[language].results(filter.text)
      return showPage(visit, { title, root: ROOT, main, section: 'live', scripts: [LISTS_SCRIPT], hasMedia: true })
    }),
  )
}

/** Returns what a query looks for, without what no title has. */
function toLine(text = ''): string {
  return text.replaceAll(/\p{Cc}/gu, '').slice(0, 100)
}

function partUrl({ text, category }: HomeFilter): string {
  return `?${new URLSearchParams({ part: 'list', q: text, category }).toString()}`
}

type HomeParts = { readonly visit: Visit; readonly filter: HomeFilter }

function SearchForm({ visit, filter }: HomeParts) {
  const text = BROADCAST_LIST_MESSAGES[visit.language]
  return (
    <form class="search" role="search" method="get" action="./">
      <h1 class="for-readers">{filter.text === '' ? text.liveNow : text.results(filter.text)}</h1>
      <input
        type="search"
        name="q"
        value={filter.text}
        maxlength={100}
        aria-label={text.search}
        placeholder={text.search}
      />
      <button class="button" type="submit">
        {text.searchButton}
      </button>
    </form>
  )
}

/** Renders all that changes by itself. */
async function HomeList({ visit, filter }: HomeParts) {
  const { language } = visit
  const isNarrowed = filter.text !== '' || filter.category !== ''
  const text = BROADCAST_LIST_MESSAGES[language]
  const { live, scheduled, ended, archives } = await readLists(visit, filter, isNarrowed)
  if (isNarrowed && live.length + scheduled.length + ended.length === 0) return <NothingFound language={language} />
  return (
    <>
      <CategoryLinks streams={live} filter={filter} visit={visit} />
      {isNarrowed ? null : <FollowedChannels visit={visit} />}
      {live.length === 0 && !isNarrowed ? <DarkStage visit={visit} /> : null}
      {live.length === 0 ? null : <LiveGrid streams={live} visit={visit} />}
      <StreamSection title={text.upcoming} streams={scheduled} visit={visit} />
      <StreamSection title={text.recordings} streams={ended} visit={visit} />
      <ArchiveSection title={text.recordings} archives={archives} visit={visit} />
    </>
  )
}

type HomeLists = {
  readonly live: readonly StreamView[]
  readonly scheduled: readonly StreamView[]
  readonly ended: readonly StreamView[]
  readonly archives: readonly ArchiveView[]
}

/** Reads what the page shows. A search finds broadcasts that have ended; without one, there are recordings. */
async function readLists({ context, signedIn }: Visit, filter: HomeFilter, isNarrowed: boolean): Promise<HomeLists> {
  const narrowed = {
    ...(filter.text === '' ? {} : { q: filter.text }),
    ...(filter.category === '' ? {} : { category: filter.category }),
  }
  const read = async (state: StreamView['state'], limit: number) =>
    (await listStreams(context, signedIn, { ...narrowed, state, limit, cursor: undefined })).streams
  const [live, scheduled, ended, archives] = await Promise.all([
    read('live', LIVE_SHOWN),
    read('scheduled', MORE_SHOWN),
    isNarrowed ? read('ended', MORE_SHOWN) : [],
    isNarrowed
      ? []
      : listArchives(context, signedIn, { limit: MORE_SHOWN, cursor: undefined, user: undefined }).then(
          (list) => list.archives,
        ),
  ])
  return { live: live.toSorted((a, b) => b.viewer_count - a.viewer_count), scheduled, ended, archives }
}

type ArchivesParts = { readonly title: string; readonly archives: readonly ArchiveView[]; readonly visit: Visit }

function ArchiveSection({ title, archives, visit: { language } }: ArchivesParts) {
  if (archives.length === 0) return null
  return (
    <section class="shelf">
      <h2>{title}</h2>
      <div class="cards">
        {archives.map((archive) => (
          <ArchiveCard archive={archive} root={ROOT} language={language} />
        ))}
      </div>
    </section>
  )
}

type StreamsParts = { readonly streams: readonly StreamView[]; readonly visit: Visit }

function LiveGrid({ streams, visit: { language } }: StreamsParts) {
  const text = BROADCAST_LIST_MESSAGES[language]
  const [first] = streams
  const isOnly = streams.length === 1
  return (
    <section class="shelf">
      <h2>
        <span class="tally" aria-hidden="true" />
        {text.liveNow}
      </h2>
      {isOnly && first !== undefined ? (
        <FeaturedStream stream={first} root={ROOT} language={language} />
      ) : (
        <div class={streams.length === 2 ? 'cards cards-few' : 'cards cards-live'}>
          {streams.map((stream) => (
            <StreamCard stream={stream} root={ROOT} language={language} />
          ))}
        </div>
      )}
    </section>
  )
}

function StreamSection({ title, streams, visit: { language } }: StreamsParts & { readonly title: string }) {
  if (streams.length === 0) return null
  return (
    <section class="shelf">
      <h2>{title}</h2>
      <div class="cards">
        {streams.map((stream) => (
          <StreamCard stream={stream} root={ROOT} language={language} />
        ))}
      </div>
    </section>
  )
}

/** Renders the categories of what is live now. */
function CategoryLinks({ streams, filter, visit: { language } }: StreamsParts & { readonly filter: HomeFilter }) {
  const text = BROADCAST_LIST_MESSAGES[language]
  const categories = [...new Set([filter.category, ...streams.map(({ category }) => category)])].filter(Boolean)
  if (categories.length === 0) return null
  return (
    <nav class="chips" aria-label={text.categories}>
      <a class="chip" href="./" aria-current={filter.category === '' ? 'true' : undefined}>
        {text.all}
      </a>
      {categories.map((category) => (
        <a
          class="chip"
          href={`?category=${encodeURIComponent(category)}`}
          aria-current={category === filter.category ? 'true' : undefined}
        >
          {category === filter.category ? <Icon name="check" /> : null}
          {category}
        </a>
      ))}
    </nav>
  )
}
