/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import { Artwork, Avatar } from '../../web/components/art.tsx'
import { Icon } from '../../web/components/icons.tsx'
import type { Language } from '../../web/messages.ts'
import type { ArchiveView } from '../archives/present.ts'
import type { StreamView } from '../broadcasts/present.ts'
import type { ClipView } from '../clips/present.ts'
import { isOnAir } from '../rules/broadcast-state.ts'
import { LIVE_PATH } from '../playback/addresses.ts'
import { toPageUrl } from './addresses.ts'
import { BROADCAST_LIST_MESSAGES } from './messages/broadcast-lists.ts'
import { CLIP_MESSAGES } from './messages/clips.ts'
import { Moment } from './moment.tsx'
import { formatClock } from './time-text.ts'

/** The script of pages with lists of broadcasts, as a path below `gateway/`. */
export const LISTS_SCRIPT = 'live/pages/browser/lists.ts'

type StateBadgeParts = { readonly state: StreamView['state']; readonly language: Language }

/** Renders the state of a broadcast: by its colour, its shape and its name. */
export function StateBadge({ state, language }: StateBadgeParts) {
  return (
    <span class={`badge badge-${state}`} data-state-badge>
      {BROADCAST_LIST_MESSAGES[language].states[state]}
    </span>
  )
}

type VisibilityParts = { readonly visibility: StreamView['visibility']; readonly language: Language }

/** Renders that a broadcast is not open to everyone. */
export function VisibilityMark({ visibility, language }: VisibilityParts) {
  if (visibility === 'public') return null
  return (
    <span class="mark">
      <Icon name={visibility === 'unlisted' ? 'link' : 'lock'} />
      {BROADCAST_LIST_MESSAGES[language][visibility]}
    </span>
  )
}

type PosterParts = { readonly url: string | null; readonly seed: string; readonly root: string }

/** Renders the picture of a broadcast; one of its own colours where there is none. */
export function Poster({ url, seed, root }: PosterParts) {
  if (url === null) return <Artwork seed={seed} />
  return <img src={toPageUrl(root, url)} alt="" width="640" height="360" loading="lazy" decoding="async" />
}

/**
 * Returns the playlist of the moving picture of a broadcast on the air: the newest seconds of its lowest rendition, by which
 * no viewer is counted. Where a token is needed, the picture stands still.
 */
function previewUrlOf({ stream_id: id, state, visibility, playback_url: url }: StreamView, root: string) {
  const isOpen = visibility === 'public' || visibility === 'unlisted'
  return state === 'live' && isOpen && url !== null ? toPageUrl(root, `${LIVE_PATH}/${id}/1.m3u8?preview`) : undefined
}

type StreamCardParts = {
  readonly stream: StreamView
  readonly root: string
  readonly language: Language
  /** Leads to the studio instead of the watch page. */
  readonly isOwn?: boolean
}

/** Renders a broadcast of a list. */
export function StreamCard({ stream, root, language, isOwn = false }: StreamCardParts) {
  const text = BROADCAST_LIST_MESSAGES[language]
  const { stream_id: id, state, title, user } = stream
  const target = `${root}/${isOwn ? 'studio' : 'watch'}/${id}`
  return (
    <article class={state === 'live' ? 'card card-live' : 'card'} data-key={id}>
      <a class="card-picture" href={target} tabindex={-1} aria-hidden="true" data-preview={previewUrlOf(stream, root)}>
        <Poster url={stream.poster_url} seed={id} root={root} />
      </a>
      <div class="card-marks">
        <StateBadge state={state} language={language} />
        {isOnAir(state) ? (
          <span class="mark">
            <Icon name="viewers" />
            {text.viewers(stream.viewer_count)}
          </span>
        ) : null}
        <VisibilityMark visibility={stream.visibility} language={language} />
      </div>
      <div class="card-text">
        {isOwn ? null : <Avatar name={user.username} />}
        <div>
          <h3>
            <a href={target}>{title}</a>
          </h3>
          <p class="muted small">
            {isOwn ? (
              <OwnLine stream={stream} language={language} />
            ) : (
              <PublicLine stream={stream} root={root} language={language} />
            )}
          </p>
        </div>
      </div>
    </article>
  )
}

/** Renders the only broadcast that is live, with what it is about. */
export function FeaturedStream({ stream, root, language }: Omit<StreamCardParts, 'isOwn'>) {
  const text = BROADCAST_LIST_MESSAGES[language]
  const { stream_id: id, title, description, user } = stream
  return (
    <article class="featured" data-key={id}>
      <div class="card card-live">
        <a
          class="card-picture"
          href={`${root}/watch/${id}`}
          tabindex={-1}
          aria-hidden="true"
          data-preview={previewUrlOf(stream, root)}
        >
          <Poster url={stream.poster_url} seed={id} root={root} />
        </a>
      </div>
      <div class="featured-text">
        <p class="watch-marks">
          <StateBadge state={stream.state} language={language} />
          <span class="mark">
            <Icon name="viewers" />
            {text.viewers(stream.viewer_count)}
          </span>
        </p>
        <h3>{title}</h3>
        {description === '' ? null : <p class="featured-description">{description}</p>}
        <a class="by" href={`${root}/@${user.username}`}>
          <Avatar name={user.username} />
          <strong>{user.username}</strong>
        </a>
        <a class="button button-primary" href={`${root}/watch/${id}`} aria-label={text.watch(title, user.username)}>
          <Icon name="play" />
          {text.watchNow}
        </a>
      </div>
    </article>
  )
}

type LineParts = { readonly stream: StreamView; readonly language: Language }

function PublicLine({ stream, root, language }: LineParts & { readonly root: string }) {
  const { username } = stream.user
  return (
    <>
      <a href={`${root}/@${username}`}>{username}</a>
      {stream.category === '' ? null : <> · {stream.category}</>}
      <StartLine stream={stream} language={language} />
    </>
  )
}

function OwnLine({ stream, language }: LineParts) {
  return (
    <>
      <Moment at={stream.started_at ?? stream.created_at} language={language} />
      <StartLine stream={stream} language={language} />
    </>
  )
}

function StartLine({ stream, language }: LineParts) {
  if (stream.state !== 'scheduled' || stream.scheduled_for === null) return null
  return (
    <>
      <br />
      {BROADCAST_LIST_MESSAGES[language].startsAt} <Moment at={stream.scheduled_for} language={language} />
    </>
  )
}

type ClipCardParts = { readonly clip: ClipView; readonly root: string; readonly language: Language }

/** Renders a clip of a list, with who made it. */
export function ClipCard({ clip, root, language }: ClipCardParts) {
  const { clip_id: id, title, created_by: maker } = clip
  const text = CLIP_MESSAGES[language]
  const target = `${root}/clips/${id}`
  return (
    <article class="card" data-key={id}>
      <a class="card-picture" href={target} tabindex={-1} aria-hidden="true">
        <Poster url={clip.poster_url} seed={id} root={root} />
      </a>
      <div class="card-marks">
        <VisibilityMark visibility={clip.visibility} language={language} />
        {clip.status === 'ready' ? null : (
          <span class="mark">{clip.status === 'failed' ? text.failedTitle : text.processingTitle}</span>
        )}
        <span class="mark mark-end">{formatClock(clip.duration)}</span>
      </div>
      <div class="card-text">
        <div>
          <h3>
            <a href={target}>{title}</a>
          </h3>
          <p class="muted small">
            {text.clippedBy} <a href={`${root}/@${maker.username}`}>{maker.username}</a> ·{' '}
            <Moment at={clip.created_at} language={language} format="day" />
          </p>
        </div>
      </div>
    </article>
  )
}

type ArchiveCardParts = { readonly archive: ArchiveView; readonly root: string; readonly language: Language }

/** Renders a recording of a list. */
export function ArchiveCard({ archive, root, language }: ArchiveCardParts) {
  const { archive_id: id, title, user, duration } = archive
  const target = `${root}/archives/${id}`
  return (
    <article class="card" data-key={id}>
      <a class="card-picture" href={target} tabindex={-1} aria-hidden="true">
        <Poster url={archive.poster_url} seed={archive.stream_id} root={root} />
      </a>
      <div class="card-marks">
        <VisibilityMark visibility={archive.visibility} language={language} />
        {duration === null ? null : <span class="mark mark-end">{formatClock(duration)}</span>}
      </div>
      <div class="card-text">
        <Avatar name={user.username} />
        <div>
          <h3>
            <a href={target}>{title}</a>
          </h3>
          <p class="muted small">
            <a href={`${root}/@${user.username}`}>{user.username}</a> ·{' '}
            <Moment at={archive.created_at} language={language} format="day" />
          </p>
        </div>
      </div>
    </article>
  )
}
