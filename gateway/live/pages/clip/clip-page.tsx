/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import { Avatar } from '../../../web/components/art.tsx'
import { Field, Note } from '../../../web/components/forms.tsx'
import { Icon } from '../../../web/components/icons.tsx'
import type { ClipView } from '../../clips/present.ts'
import { toPageUrl } from '../addresses.ts'
import { Confirm } from '../confirm.tsx'
import { FilmTitle } from '../film-title.tsx'
import { Area, Refresher } from '../fresh-area.tsx'
import { CLIP_MESSAGES } from '../messages/clips.ts'
import { describeReason } from '../messages/reasons.ts'
import { WATCH_PAGE_MESSAGES } from '../messages/watch-page.ts'
import { Poster } from '../stream-card.tsx'
import { formatBytes } from '../time-text.ts'
import type { Visit } from '../visit.ts'

const ROOT = '..'
/** The part of the page beside the film that is read again by itself. */
export const ABOUT_PART = 'about'
/** Interval of looking whether a clip is cut, in seconds. */
const REFRESH_SEC = 2
/** Marks the last state of an area, which is not read again. */
const FINAL = { 'data-final': '' }

type ClipParts = { readonly visit: Visit; readonly clip: ClipView }

/** Renders the page of a clip. */
export function ClipPage({ visit, clip }: ClipParts) {
  return (
    <div class="watch">
      <div class="theatre" {...refreshing(clip)}>
        <ClipFilm visit={visit} clip={clip} />
      </div>
      <div class="wrap watch-about">
        <ClipHead visit={visit} clip={clip} />
        <OwnActions visit={visit} clip={clip} />
      </div>
      <Refresher part={ABOUT_PART} />
    </div>
  )
}

/** Renders what is read again by itself beside the film. */
export function ClipAbout({ visit, clip }: ClipParts) {
  return (
    <>
      <FilmTitle film={clip} badge={CLIP_MESSAGES[visit.language].badge} language={visit.language} />
      <DownloadArea visit={visit} clip={clip} />
      <ReasonArea visit={visit} clip={clip} />
    </>
  )
}

/** Returns the attributes of the film, which the page's script reads again until the clip is cut. */
function refreshing({ status }: ClipView) {
  return status === 'processing' ? { 'data-refresh': '?part=film', 'data-every': REFRESH_SEC } : {}
}

/** Renders the film of a clip, or why it cannot be seen now. */
export function ClipFilm({ visit: { language }, clip }: ClipParts) {
  const text = CLIP_MESSAGES[language]
  const { playback_url: url, poster_url: posterUrl, title, clip_id: id } = clip
  if (url !== null) {
    return (
      <div class="screen" {...FINAL}>
        <video
          class="clip-film"
          controls
          playsinline
          preload="metadata"
          src={toPageUrl(ROOT, url)}
          poster={posterUrl === null ? undefined : toPageUrl(ROOT, posterUrl)}
          aria-label={text.film(title)}
        ></video>
      </div>
    )
  }
  const hasFailed = clip.status === 'failed'
  return (
    <div class="screen" {...(hasFailed ? FINAL : {})}>
      <Poster url={null} seed={id} root={ROOT} />
      <div class="veil" role="status">
        <h2>{hasFailed ? text.failedTitle : text.processingTitle}</h2>
        <p>{hasFailed ? text.failedText : text.processingText}</p>
        {hasFailed ? null : (
          <noscript>
            <a href={id}>{text.lookAgain}</a>
          </noscript>
        )}
      </div>
    </div>
  )
}

function ClipHead({ visit, clip }: ClipParts) {
  const { language } = visit
  const [text, watch] = [CLIP_MESSAGES[language], WATCH_PAGE_MESSAGES[language]]
  const { user, created_by: maker, archive_id: archiveId } = clip
  return (
    <header class="watch-head">
      <div class="watch-title">
        <FilmTitle film={clip} badge={CLIP_MESSAGES[visit.language].badge} language={visit.language} />
        <a class="by" href={`${ROOT}/@${user.username}`}>
          <Avatar name={user.username} />
          <strong>{user.username}</strong>
        </a>
        <p class="muted">
          {text.clippedBy} <a href={`${ROOT}/@${maker.username}`}>{maker.username}</a>
        </p>
      </div>
      <div class="actions">
        <button class="button" type="button" data-copy="" data-copied={watch.shared} hidden>
          <Icon name="link" />
          <span aria-live="polite">{watch.share}</span>
        </button>
        <DownloadArea visit={visit} clip={clip} />
        <a
          class="button"
          href={archiveId === null ? `${ROOT}/watch/${clip.stream_id}` : `${ROOT}/archives/${archiveId}`}
        >
          <Icon name="play" />
          {archiveId === null ? text.watchStream : text.watchArchive}
        </a>
      </div>
    </header>
  )
}

/** Renders the link to the file of a clip, where there is one. */
function DownloadArea({ visit: { language }, clip }: ClipParts) {
  const { download_url: url, file_size: size, title } = clip
  const text = WATCH_PAGE_MESSAGES[language]
  return (
    <Area name="download">
      {url === null ? null : (
        <a class="button button-primary" href={toPageUrl(ROOT, url)} download={`${title}.mp4`}>
          <Icon name="download" />
          {size === null ? text.download : text.downloadSize(formatBytes(size, language))}
        </a>
      )}
    </Area>
  )
}

/** Renders why a clip could not be cut, to those whose it is. */
function ReasonArea({ visit, clip: { error, ...clip } }: ClipParts) {
  const { language } = visit
  const isShown = error !== null && isOwn(visit, clip)
  return (
    <Area name="reason">
      {isShown ? (
        <Note kind="warning" title={CLIP_MESSAGES[language].failedTitle}>
          {describeReason(error, language)}
        </Note>
      ) : null}
    </Area>
  )
}

/** Returns whether a clip is that of its viewer: its maker, or its channel. */
function isOwn({ signedIn }: Visit, clip: Pick<ClipView, 'created_by' | 'user'>): boolean {
  const userId = signedIn?.user.userId
  return userId === clip.created_by.user_id || userId === clip.user.user_id
}

/** Renders what its maker and its channel may do with a clip, and read of it. */
function OwnActions({ visit, clip }: ClipParts) {
  const { signedIn, language } = visit
  const text = CLIP_MESSAGES[language]
  const isMaker = signedIn?.user.userId === clip.created_by.user_id
  if (!isOwn(visit, clip)) return null
  return (
    <>
      <ReasonArea visit={visit} clip={clip} />
      <div class="actions">
        {isMaker ? (
          <details class="confirm">
            <summary class="button">{text.rename}</summary>
            <form class="confirm-box" method="post" action={clip.clip_id}>
              <input type="hidden" name="form" value="title" />
              <Field name="title" label={text.titleField} value={clip.title} autocomplete="off" maxLength={255} />
              <button class="button button-primary" type="submit">
                {text.save}
              </button>
            </form>
          </details>
        ) : null}
        <Confirm
          title={text.deleteTitle}
          text={text.deleteText}
          button={text.deleteButton}
          form="delete"
          action={clip.clip_id}
        />
      </div>
    </>
  )
}
