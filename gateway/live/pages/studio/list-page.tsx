/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import { MonitorArt } from '../../../web/components/art.tsx'
import { Note } from '../../../web/components/forms.tsx'
import { Icon } from '../../../web/components/icons.tsx'
import type { StreamView } from '../../broadcasts/present.ts'
import type { StorageUse } from '../../storage/quota.ts'
import { showPage } from '../frame.tsx'
import { STUDIO_MESSAGES } from '../messages/studio.ts'
import { StreamCard } from '../stream-card.tsx'
import { formatBytes } from '../time-text.ts'
import type { UserVisit } from '../visit.ts'

const ROOT = '.'
/** The order in which broadcasts are listed: what needs its owner first. */
const ORDER: readonly StreamView['state'][] = ['live', 'reconnecting', 'ready', 'scheduled', 'ended']

/** Shows the broadcasts of the signed-in user. */
export function showStudio(visit: UserVisit, streams: readonly StreamView[], storage: StorageUse): Promise<Response> {
  const text = STUDIO_MESSAGES[visit.language]
  const sorted = streams.toSorted((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state))
  const main = (
    <div class="wrap stack">
      <header class="page-head">
        <div>
          <h1>{text.title}</h1>
          <p class="muted">{text.lead}</p>
        </div>
        {streams.length === 0 ? null : (
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
      {streams.length === 0 ? (
        <section class="blank">
          <MonitorArt lamp="planned" />
          <h2>{text.emptyTitle}</h2>
          <p>{text.emptyText}</p>
          <NewButton label={text.newBroadcast} />
        </section>
      ) : (
        <>
          <StreamGroup title={text.current} streams={sorted.filter(({ state }) => state !== 'ended')} visit={visit} />
          <StreamGroup title={text.over} streams={sorted.filter(({ state }) => state === 'ended')} visit={visit} />
        </>
      )}
    </div>
  )
  return showPage(visit, { title: text.title, root: ROOT, main, section: 'studio', hasMedia: true })
}

type StreamGroupParts = {
  readonly title: string
  readonly streams: readonly StreamView[]
  readonly visit: UserVisit
}

function StreamGroup({ title, streams, visit: { language } }: StreamGroupParts) {
  if (streams.length === 0) return null
  return (
    <section class="shelf">
      <h2>{title}</h2>
      <div class="cards">
        {streams.map((stream) => (
          <StreamCard stream={stream} root={ROOT} language={language} isOwn />
        ))}
      </div>
    </section>
  )
}

type StorageMeterParts = { readonly visit: UserVisit; readonly storage: StorageUse }

/** Renders how much is stored and, where there is a limit, what share of it that is. */
function StorageMeter({ visit: { language }, storage: { used, limit } }: StorageMeterParts) {
  if (used === 0 && limit === null) return null
  const text = STUDIO_MESSAGES[language]
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
