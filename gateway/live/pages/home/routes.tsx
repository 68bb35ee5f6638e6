/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import { Hono } from 'hono'

import { Icon } from '../../../web/components/icons.tsx'
import type { StreamView } from '../../broadcasts/present.ts'
import { showPage } from '../frame.tsx'
import { MoreLink, readTurn, turnQuery } from '../list-turn.tsx'
import { BROADCAST_LIST_MESSAGES } from '../messages/broadcast-lists.ts'
import { ArchiveCard, FeaturedStream, LISTS_SCRIPT, StreamCard } from '../stream-card.tsx'
import { open, type PagesContext, type Visit } from '../visit.ts'
import { DarkStage, NothingFound } from './blank.tsx'
import { FollowedChannels } from './followed.tsx'
import { HOME_LISTS, narrows, readHomeLists, type HomeListName, type HomeLists, type HomeView } from './read-lists.ts'

/** Interval of looking for changes, in seconds. */
const REFRESH_SEC = 2
const ROOT = '.'

/** Returns the page of the broadcasts that are live now. */
export function homeRoutes(context: PagesContext): Hono {
  return new Hono().get(
    '/',
    open(context, async (visit) => {
      const { c, language } = visit
      const view = {
        text: toLine(c.req.query('q')).trim(),
        category: toLine(c.req.query('category')),
        turn: readTurn(c, HOME_LISTS),
      }
      const list = await HomeList({ visit, view })
      if (c.req.query('part') === 'list') {
        c.header('Cache-Control', 'no-store')
        return c.html(list)
      }
      const main = (
        <div class="wrap stack">
          <SearchForm visit={visit} view={view} />
          <div class="stack" data-refresh={partUrl(view)} data-every={REFRESH_SEC}>
            {list}
          </div>
        </div>
      )
      const title = view.text === '' ? '' : BROADCAST_LIST_MESSAGES[language].results(view.text)
      const query = { ...filterQuery(view), ...turnQuery(view.turn) }
      return showPage(visit, {
        title,
        root: ROOT,
        main,
        section: 'live',
        scripts: [LISTS_SCRIPT],
        hasMedia: true,
        query,
      })
    }),
  )
}

/** Returns what a query looks for, without what no title has. */
function toLine(text = ''): string {
  return text.replaceAll(/\p{Cc}/gu, '').slice(0, 100)
}

function partUrl(view: HomeView): string {
  return `?${new URLSearchParams({ part: 'list', ...filterQuery(view), ...turnQuery(view.turn) }).toString()}`
}

function filterQuery({ text, category }: HomeView): Record<string, string> {
  return { q: text, category }
}

type HomeParts = { readonly visit: Visit; readonly view: HomeView }

function SearchForm({ visit, view }: HomeParts) {
  const text = BROADCAST_LIST_MESSAGES[visit.language]
  return (
    <form class="search" role="search" method="get" action="./">
      <h1 class="for-readers">{view.text === '' ? text.liveNow : text.results(view.text)}</h1>
      <input
        type="search"
        name="q"
        value={view.text}
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
async function HomeList({ visit, view }: HomeParts) {
  const { language } = visit
  const lists = await readHomeLists(visit, view)
  if (view.turn !== null) return <TurnedList visit={visit} view={view} lists={lists} />
  const isNarrowed = narrows(view)
  const text = BROADCAST_LIST_MESSAGES[language]
  const { live, scheduled, ended } = lists
  const isFound = [live, scheduled, ended].some(({ streams }) => streams.length > 0)
  if (isNarrowed && !isFound) return <NothingFound language={language} view={view} />
  return (
    <>
      <CategoryLinks streams={live.streams} view={view} visit={visit} />
      {isNarrowed ? null : <FollowedChannels visit={visit} />}
      {live.streams.length === 0 && !isNarrowed ? <DarkStage visit={visit} /> : null}
      <LiveShelf list={live} view={view} visit={visit} />
      <StreamShelf name="scheduled" title={text.upcoming} list={scheduled} view={view} visit={visit} />
      <StreamShelf name="ended" title={text.recordings} list={ended} view={view} visit={visit} />
      <RecordingShelf list={lists.recordings} view={view} visit={visit} />
    </>
  )
}

/** Renders a further page of one list; the others are empty. */
function TurnedList({ visit, view, lists }: HomeParts & { readonly lists: HomeLists }) {
  const text = BROADCAST_LIST_MESSAGES[visit.language]
  const { live, scheduled, ended, recordings } = lists
  return (
    <>
      <LiveShelf list={live} view={view} visit={visit} />
      <StreamShelf name="scheduled" title={text.upcoming} list={scheduled} view={view} visit={visit} />
      <StreamShelf name="ended" title={text.recordings} list={ended} view={view} visit={visit} />
      <RecordingShelf list={recordings} view={view} visit={visit} />
      <div class="actions">
        <a class="button button-small" href={`?${new URLSearchParams(filterQuery(view)).toString()}`}>
          {text.showAll}
        </a>
      </div>
    </>
  )
}

type RecordingShelfParts = HomeParts & { readonly list: HomeLists['recordings'] }

function RecordingShelf({ list: { archives, next_cursor: cursor }, view, visit: { language } }: RecordingShelfParts) {
  if (archives.length === 0) return null
  return (
    <section class="shelf">
      <h2>{BROADCAST_LIST_MESSAGES[language].recordings}</h2>
      <div class="cards">
        {archives.map((archive) => (
          <ArchiveCard archive={archive} root={ROOT} language={language} />
        ))}
      </div>
      <MoreLink list="recordings" cursor={cursor} language={language} query={filterQuery(view)} />
    </section>
  )
}

type StreamShelfParts = HomeParts & { readonly list: HomeLists['live'] }

function LiveShelf({ list: { streams, next_cursor: cursor }, view, visit: { language } }: StreamShelfParts) {
  const text = BROADCAST_LIST_MESSAGES[language]
  const [first] = streams
  if (first === undefined) return null
  return (
    <section class="shelf">
      <h2>
        <span class="tally" aria-hidden="true" />
        {text.liveNow}
      </h2>
      {streams.length === 1 ? (
        <FeaturedStream stream={first} root={ROOT} language={language} />
      ) : (
        <div class={streams.length === 2 ? 'cards cards-few' : 'cards cards-live'}>
          {streams.map((stream) => (
            <StreamCard stream={stream} root={ROOT} language={language} />
          ))}
        </div>
      )}
      <MoreLink list="live" cursor={cursor} language={language} query={filterQuery(view)} />
    </section>
  )
}

type NamedShelfParts = StreamShelfParts & { readonly title: string; readonly name: HomeListName }

function StreamShelf({ name, title, list, view, visit: { language } }: NamedShelfParts) {
  const { streams, next_cursor: cursor } = list
  if (streams.length === 0) return null
  return (
    <section class="shelf">
      <h2>{title}</h2>
      <div class="cards">
        {streams.map((stream) => (
          <StreamCard stream={stream} root={ROOT} language={language} />
        ))}
      </div>
      <MoreLink list={name} cursor={cursor} language={language} query={filterQuery(view)} />
    </section>
  )
}

type CategoryParts = HomeParts & { readonly streams: readonly StreamView[] }

/** Renders the categories of what is live now. */
function CategoryLinks({ streams, view, visit: { language } }: CategoryParts) {
  const text = BROADCAST_LIST_MESSAGES[language]
  const categories = [...new Set([view.category, ...streams.map(({ category }) => category)])].filter(Boolean)
  if (categories.length === 0) return null
  return (
    <nav class="chips" aria-label={text.categories}>
      <a class="chip" href="./" aria-current={view.category === '' ? 'true' : undefined}>
        {text.all}
      </a>
      {categories.map((category) => (
        <a
          class="chip"
          href={`?category=${encodeURIComponent(category)}`}
          aria-current={category === view.category ? 'true' : undefined}
        >
          {category === view.category ? <Icon name="check" /> : null}
          {category}
        </a>
      ))}
    </nav>
  )
}
