/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import { Avatar } from '../../../web/components/art.tsx'
import { Field, Note } from '../../../web/components/forms.tsx'
import { Icon } from '../../../web/components/icons.tsx'
import type { ClipView } from '../../clips/present.ts'
import { toPageUrl } from '../addresses.ts'
import { Confirm } from '../confirm.tsx'
import { CLIP_MESSAGES } from '../messages/clips.ts'
import { describeReason } from '../messages/reasons.ts'
import { WATCH_PAGE_MESSAGES } from '../messages/watch-page.ts'
import { Moment } from '../moment.tsx'
import { Poster, VisibilityMark } from '../stream-card.tsx'
import { formatBytes, formatClock } from '../time-text.ts'
import type { Visit } from '../visit.ts'

const ROOT = '..'
/** Interval of looking whether a clip is cut, in seconds. */
const REFRESH_SEC = 2
/** Marks the last state of an area, which is not read again. */
const FINAL = { 'data-final': '' }

type ClipParts = { readonly visit: Visit; readonly clip: ClipView }

/** Renders the page of a clip. */
export function ClipPage({ visit, clip }: ClipParts) {
  return (
    <div class="watch">
      <div class="theatre" {...refreshing(clip, 'film')}>
        <ClipFilm visit={visit} clip={clip} />
      </div>
      <div class="wrap watch-about">
        <ClipHead visit={visit} clip={clip} />
        <OwnActions visit={visit} clip={clip} />
      </div>
    </div>
  )
}

/** Returns the attributes of an area that the page's script reads again until the clip is cut. */
function refreshing({ status }: ClipView, part: 'film' | 'download') {
  return status === 'processing' ? { 'data-refresh': `?part=${part}`, 'data-every': REFRESH_SEC } : {}
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
        <h1>{clip.title}</h1>
        <p class="watch-marks">
          <span class="badge badge-ended">{text.badge}</span>
          <span class="mark">
            <Icon name="clock" />
            {formatClock(clip.duration)}
          </span>
          <span class="mark">
            <Moment at={clip.created_at} language={language} />
          </span>
          <VisibilityMark visibility={clip.visibility} language={language} />
        </p>
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
        <div {...refreshing(clip, 'download')}>
          <ClipDownload visit={visit} clip={clip} />
        </div>
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
export function ClipDownload({ visit: { language }, clip }: ClipParts) {
  const { download_url: url, file_size: size, title, status } = clip
  if (url === null) return <span {...(status === 'failed' ? FINAL : {})}></span>
  const text = WATCH_PAGE_MESSAGES[language]
  return (
    <a class="button button-primary" {...FINAL} href={toPageUrl(ROOT, url)} download={`${title}.mp4`}>
      <Icon name="download" />
      {size === null ? text.download : text.downloadSize(formatBytes(size, language))}
    </a>
  )
}

/** Renders what its maker and its channel may do with a clip, and read of it. */
function OwnActions({ visit: { signedIn, language }, clip }: ClipParts) {
  const text = CLIP_MESSAGES[language]
  const userId = signedIn?.user.userId
  const isMaker = userId === clip.created_by.user_id
  if (!isMaker && userId !== clip.user.user_id) return null
  return (
    <>
      {clip.error === null ? null : (
        <Note kind="warning" title={text.failedTitle}>
          {describeReason(clip.error, language)}
        </Note>
      )}
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
