/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import { Hono } from 'hono'

import { Avatar } from '../../../web/components/art.tsx'
import { Note } from '../../../web/components/forms.tsx'
import { Icon } from '../../../web/components/icons.tsx'
import type { ArchiveDetails } from '../../archives/present.ts'
import { getArchive } from '../../archives/read-archives.ts'
import { toPageUrl } from '../addresses.ts'
import { ChatReplay } from '../chat/chat-replay.tsx'
import { ClipBox } from '../clip/clip-form.tsx'
import { FilmTitle } from '../film-title.tsx'
import { showPage } from '../frame.tsx'
import { Area, Refresher, showPart } from '../fresh-area.tsx'
import { MODERATION_MESSAGES } from '../messages/moderation.ts'
import { describeReason } from '../messages/reasons.ts'
import { WATCH_PAGE_MESSAGES } from '../messages/watch-page.ts'
import { ReportLink } from '../report/report-link.tsx'
import { Screen } from '../screen.tsx'
import { ShareButton } from '../share-button.tsx'
import { formatBytes, formatClock } from '../time-text.ts'
import { TipLink } from '../tip/tip-link.tsx'
import { open, type PagesContext, type Visit } from '../visit.ts'
import { WATCH_SCRIPT } from '../watch/routes.tsx'

const ROOT = '..'

/** Returns the page of a recording. */
export function archivePageRoutes(context: PagesContext): Hono {
  return new Hono().get(
    '/archives/:id',
    open(context, async (visit) => {
      const { c } = visit
      const archive = await getArchive(context, visit.signedIn, c.req.param('id') ?? '')
      if (c.req.query('part') !== undefined) {
        return showPart(
          c,
          <>
            <FilmTitle film={archive} badge={WATCH_PAGE_MESSAGES[visit.language].recording} language={visit.language} />
            <DownloadArea visit={visit} archive={archive} />
            <NoteArea visit={visit} archive={archive} />
          </>,
        )
      }
      const main = <ArchivePage visit={visit} archive={archive} />
      return showPage(visit, { title: archive.title, root: ROOT, main, scripts: [WATCH_SCRIPT], hasPlayer: true })
    }),
  )
}

type ArchiveParts = { readonly visit: Visit; readonly archive: ArchiveDetails }

function ArchivePage({ visit, archive }: ArchiveParts) {
  const { language } = visit
  return (
    <div class={archive.has_chat ? 'watch with-chat' : 'watch'}>
      <div class="theatre">
        <Screen
          stream={null}
          playbackUrl={archive.playback_url}
          posterUrl={archive.poster_url}
          chaptersUrl={archive.chapters.length === 0 ? null : chaptersUrlOf(archive)}
          seed={archive.stream_id}
          root={ROOT}
          language={language}
        />
      </div>
      <div class="wrap watch-about">
        <ArchiveHead visit={visit} archive={archive} />
      </div>
      {archive.has_chat ? (
        <div class="chat-column">
          <ChatReplay visit={visit} archiveId={archive.archive_id} streamId={archive.stream_id} />
        </div>
      ) : null}
      <div class="wrap watch-about">
        <NoteArea visit={visit} archive={archive} />
        <Chapters visit={visit} archive={archive} />
      </div>
      <Refresher part="about" />
    </div>
  )
}

function NoteArea(parts: ArchiveParts) {
  return (
    <Area name="note">
      <ArchiveNote {...parts} />
    </Area>
  )
}

function DownloadArea(parts: ArchiveParts) {
  return (
    <Area name="download">
      <Download {...parts} />
    </Area>
  )
}

function ArchiveActions({ visit, archive }: ArchiveParts) {
  return (
    <div class="actions">
      <ShareButton language={visit.language} />
      <TipLink visit={visit} streamId={archive.stream_id} ownerId={archive.user.user_id} root={ROOT} />
      <ReportLink
        visit={visit}
        subject={{ kind: 'archive', id: archive.archive_id }}
        ownerId={archive.user.user_id}
        root={ROOT}
      />
      <DownloadArea visit={visit} archive={archive} />
      <ClipBox
        visit={visit}
        source={{ kind: 'archive', id: archive.archive_id }}
        root={ROOT}
        isHidden={archive.expired_at !== null}
      />
    </div>
  )
}

function ArchiveHead({ visit, archive }: ArchiveParts) {
  const { username } = archive.user
  return (
    <header class="watch-head">
      <div class="watch-title">
        <FilmTitle film={archive} badge={WATCH_PAGE_MESSAGES[visit.language].recording} language={visit.language} />
        <a class="by" href={`${ROOT}/@${username}`}>
          <Avatar name={username} />
          <strong>{username}</strong>
        </a>
      </div>
      <ArchiveActions visit={visit} archive={archive} />
    </header>
  )
}

function chaptersUrlOf({ archive_id: id }: ArchiveDetails): string {
  return `${ROOT}/api/v1/archives/${id}/chapters.vtt`
}

/** Renders the chapters as links to their begin; with the page's script, the player goes there. */
function Chapters({ visit: { language }, archive: { chapters } }: ArchiveParts) {
  if (chapters.length === 0) return null
  return (
    <section class="panel" aria-labelledby="chapters-title">
      <h2 id="chapters-title">{WATCH_PAGE_MESSAGES[language].chapters}</h2>
      <ol class="chapters">
        {chapters.map(({ start, title }) => (
          <li>
            <a href={`?t=${Math.floor(start)}`} data-seek={start}>
              <span class="chapter-time">{formatClock(start)}</span>
              <span>{title}</span>
            </a>
          </li>
        ))}
      </ol>
    </section>
  )
}

function Download({ visit: { language }, archive }: ArchiveParts) {
  const { download_url: url, file_size: size, title } = archive
  if (url === null) return null
  const text = WATCH_PAGE_MESSAGES[language]
  return (
    <a class="button button-primary" href={toPageUrl(ROOT, url)} download={`${title}.mp4`}>
      <Icon name="download" />
      {size === null ? text.download : text.downloadSize(formatBytes(size, language))}
    </a>
  )
}

function ArchiveNote({ visit: { language }, archive }: ArchiveParts) {
  const { status, error, taken_down: takenDown, expired_at: expiredAt } = archive
  const text = WATCH_PAGE_MESSAGES[language]
  if (takenDown !== null)
    return (
      <Note kind="alert" title={MODERATION_MESSAGES[language].takenDownNote}>
        {takenDown.reason}
      </Note>
    )
  if (expiredAt !== null)
    return (
      <Note kind="planned" title={text.expiredTitle}>
        {text.expiredText}
      </Note>
    )
  if (status === 'processing')
    return (
      <Note kind="planned" title={text.processingTitle}>
        {text.processingText}
      </Note>
    )
  if (status === 'failed')
    return (
      <Note kind="warning" title={text.failedTitle}>
        {text.failedText} {error === null ? '' : describeReason(error, language)}
      </Note>
    )
  return null
}
