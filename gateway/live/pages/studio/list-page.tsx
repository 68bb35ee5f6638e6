/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import type { Child } from 'hono/jsx'

import { MonitorArt } from '../../../web/components/art.tsx'
import { Note } from '../../../web/components/forms.tsx'
import { Icon } from '../../../web/components/icons.tsx'
import type { StreamList, StreamView } from '../../broadcasts/present.ts'
import type { StorageUse } from '../../storage/quota.ts'
import { showPage } from '../frame.tsx'
import { MoreLink, turnQuery, type ListTurn } from '../list-turn.tsx'
import { STUDIO_PAGE_MESSAGES } from '../messages/studio-page.ts'
import { StreamCard } from '../stream-card.tsx'
import { formatBytes } from '../time-text.ts'
import type { UserVisit } from '../visit.ts'

const ROOT = '.'
/** The part of the page that is read again by itself, and how often, in seconds. */
const LIST_PART = 'list'
const REFRESH_SEC = 2
/** The order in which broadcasts are listed: what needs its owner first. */
const ORDER: readonly StreamView['state'][] = ['live', 'reconnecting', 'ready', 'scheduled']

/** The own broadcasts: all that have not ended, and a page of those that have. */
type OwnStreams = {
  readonly open: readonly StreamView[]
  readonly ended: StreamList
  /** Which further page of those that have ended is shown. */
  readonly turn: ListTurn | null
  readonly storage: StorageUse
}

/** Shows the broadcasts of the signed-in user, which follow by themselves. */
export async function showStudio(visit: UserVisit, streams: OwnStreams): Promise<Response> {
  const { c, language } = visit
  if (c.req.query('part') === LIST_PART) {
    c.header('Cache-Control', 'no-store')
    return c.html(<StudioList visit={visit} {...streams} />)
  }
  const query = turnQuery(streams.turn)
  const refresh = new URLSearchParams({ part: LIST_PART, ...query })
  const main = (
    <div class="wrap stack" data-refresh={`?${refresh.toString()}`} data-every={REFRESH_SEC}>
      <StudioList visit={visit} {...streams} />
    </div>
  )
  const { title } = STUDIO_PAGE_MESSAGES[language]
  return showPage(visit, { title, root: ROOT, main, section: 'studio', hasMedia: true, query })
}

function StudioList({ visit, open, ended, turn, storage }: OwnStreams & { readonly visit: UserVisit }) {
  const text = STUDIO_PAGE_MESSAGES[visit.language]
  const isEmpty = open.length + ended.streams.length === 0 && turn === null
  return (
    <>
      <header class="page-head">
        <div>
          <h1>{text.title}</h1>
          <p class="muted">{text.lead}</p>
        </div>
        {isEmpty ? null : (
          <div class="actions">
            <StorageMeter visit={visit} storage={storage} />
            <NewButton label={text.newBroadcast} />
          </div>
        )}
      </header>
      {storage.limit !== null && storage.used >= storage.limit ? (
        <Note kind="warning" title={text.storageFullTitle}>
          {text.storageFullText}
        </Note>
      ) : null}
      {isEmpty ? <EmptyStudio visit={visit} /> : <StreamGroups visit={visit} open={open} ended={ended} turn={turn} />}
    </>
  )
}

function EmptyStudio({ visit: { language } }: { readonly visit: UserVisit }) {
  const text = STUDIO_PAGE_MESSAGES[language]
  return (
    <section class="blank">
      <MonitorArt lamp="planned" />
      <h2>{text.emptyTitle}</h2>
      <p>{text.emptyText}</p>
      <NewButton label={text.newBroadcast} />
    </section>
  )
}

type StreamGroupsParts = Pick<OwnStreams, 'open' | 'ended' | 'turn'> & { readonly visit: UserVisit }

function StreamGroups({ visit, open, ended, turn }: StreamGroupsParts) {
  const text = STUDIO_PAGE_MESSAGES[visit.language]
  const sorted = open.toSorted((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state))
  return (
    <>
      <StreamGroup title={text.current} streams={sorted} visit={visit} />
      <StreamGroup title={text.over} streams={ended.streams} visit={visit}>
        <MoreLink list="ended" cursor={ended.next_cursor} language={visit.language} />
      </StreamGroup>
      {turn === null ? null : (
        <div class="actions">
          <a class="button button-small" href="studio">
            {text.allBroadcasts}
          </a>
        </div>
      )}
    </>
  )
}

type StreamGroupParts = {
  readonly title: string
  readonly streams: readonly StreamView[]
  readonly visit: UserVisit
  readonly children?: Child
}

function StreamGroup({ title, streams, visit: { language }, children }: StreamGroupParts) {
  if (streams.length === 0) return null
  return (
    <section class="shelf">
      <h2>{title}</h2>
      <div class="cards">
        {streams.map((stream) => (
          <StreamCard stream={stream} root={ROOT} language={language} isOwn />
        ))}
      </div>
      {children}
    </section>
  )
}

type StorageMeterParts = { readonly visit: UserVisit; readonly storage: StorageUse }

/** Renders how much is stored and, where there is a limit, what share of it that is. */
function StorageMeter({ visit: { language }, storage: { used, limit } }: StorageMeterParts) {
  if (used === 0 && limit === null) return null
  const text = STUDIO_PAGE_MESSAGES[language]
  const size = formatBytes(used, language)
  if (limit === null) return <p class="storage muted small">{text.storageUsed(size)}</p>
  return (
    <div class="storage small">
      <p class="muted" id="storage-used">
        {text.storageUsedOf(size, formatBytes(limit, language))}
      </p>
      <meter min={0} max={limit} high={limit * 0.9} value={used} aria-labelledby="storage-used" />
    </div>
  )
}

function NewButton({ label }: { readonly label: string }) {
  return (
    <a class="button button-primary" href="studio/new">
      <Icon name="plus" />
      {label}
    </a>
  )
}
