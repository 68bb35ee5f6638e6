/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import { Hono } from 'hono'
import type { Child } from 'hono/jsx'

import { Avatar } from '../../../web/components/art.tsx'
import { Icon } from '../../../web/components/icons.tsx'
import { getStream } from '../../broadcasts/get-stream.ts'
import type { StreamView } from '../../broadcasts/present.ts'
import { getRoom } from '../../chat/moderation/update-room.ts'
import { findReplay } from '../../chat/read-messages.ts'
import { newViewerId } from '../../playback/viewer-id.ts'
import { isOnAir } from '../../rules/broadcast-state.ts'
import { ChatPanel } from '../chat/chat-panel.tsx'
import { ChatReplay } from '../chat/chat-replay.tsx'
import { ClipBox } from '../clip/clip-form.tsx'
import { FollowBox } from '../follow/follow-box.tsx'
import { showPage } from '../frame.tsx'
import { Area, Refresher, showPart } from '../fresh-area.tsx'
import { BROADCAST_LIST_MESSAGES } from '../messages/broadcast-lists.ts'
import { WATCH_PAGE_MESSAGES } from '../messages/watch-page.ts'
import { ReportLink } from '../report/report-link.tsx'
import { Screen } from '../screen.tsx'
import { ShareButton } from '../share-button.tsx'
import { StateBadge, VisibilityMark } from '../stream-card.tsx'
import { TipLink } from '../tip/tip-link.tsx'
import { open, type PagesContext, type Visit } from '../visit.ts'
import { About } from './about.tsx'
import { formatClock } from '../time-text.ts'

const ROOT = '..'
/** What a page says of who may watch; nothing where everyone may. */
const HIDDEN_VISIBILITIES = ['unlisted', 'followers', 'private'] as const

/** The part of the page that is read again by itself. While the broadcast is not over, its events say most of it sooner. */
const FRESH_PART = 'about'

/** The script of pages with a player, as a path below `gateway/`. */
export const WATCH_SCRIPT = 'live/pages/browser/watch.ts'

/** Returns the page on which a broadcast is watched. */
export function watchRoutes(context: PagesContext): Hono {
  return new Hono().get(
    '/watch/:id',
    open(context, async (visit) => {
      const stream = await getStream(context, visit.signedIn, visit.c.req.param('id') ?? '')
      if (visit.c.req.query('part') === FRESH_PART)
        return showPart(visit.c, <FreshAreas visit={visit} stream={stream} />)
      const main = <WatchPage visit={visit} stream={stream} chat={await showChat(visit, stream)} />
      const { title, description } = stream
      return showPage(visit, {
        title,
        description,
        root: ROOT,
        main,
        scripts: [WATCH_SCRIPT],
        hasPlayer: true,
        section: 'live',
      })
    }),
  )
}

type WatchParts = { readonly visit: Visit; readonly stream: StreamView }

/** Returns the chat of a broadcast, or what is kept of it; `null` where there is neither. */
async function showChat(visit: Visit, stream: StreamView): Promise<Child> {
  const { context, signedIn, language } = visit
  const { stream_id: streamId, state } = stream
  if (state === 'ended') {
    const archiveId = await findReplay(context, signedIn, streamId)
    return archiveId === null ? null : <ChatReplay visit={visit} archiveId={archiveId} streamId={streamId} />
  }
  const room = await getRoom(context, signedIn, streamId)
  return <ChatPanel streamId={streamId} room={room} viewer={signedIn} root={ROOT} language={language} />
}

function WatchPage({ visit, stream, chat }: WatchParts & { readonly chat: Child }) {
  const { language } = visit
  return (
    <div class={chat === null ? 'watch' : 'watch with-chat'}>
      <div class="theatre">
        <Screen
          stream={stream}
          viewerId={newViewerId(visit.context, stream.stream_id)}
          playbackUrl={stream.playback_url}
          posterUrl={stream.poster_url}
          seed={stream.stream_id}
          root={ROOT}
          language={language}
        />
      </div>
      <div class="wrap watch-about">
        <WatchHead visit={visit} stream={stream} />
      </div>
      {chat === null ? null : <div class="chat-column">{chat}</div>}
      <div class="wrap watch-about">
        <AboutArea visit={visit} stream={stream} />
      </div>
      <Refresher part={FRESH_PART} />
    </div>
  )
}

/** Renders all that is read again by itself. */
function FreshAreas(parts: WatchParts) {
  return (
    <>
      <TitleArea {...parts} />
      <VisibilityArea {...parts} />
      <FollowArea {...parts} />
      <AboutArea {...parts} />
    </>
  )
}

function TitleArea({ stream }: WatchParts) {
  return (
    <Area name="title">
      <h1 data-title>{stream.title}</h1>
    </Area>
  )
}

function VisibilityArea({ visit: { language }, stream }: WatchParts) {
  return (
    <Area name="visibility" isInline>
      {HIDDEN_VISIBILITIES.map((visibility) => (
        <span data-visibility={visibility} hidden={visibility !== stream.visibility}>
          <VisibilityMark visibility={visibility} language={language} />
        </span>
      ))}
    </Area>
  )
}

function FollowArea({ visit, stream }: WatchParts) {
  return (
    <Area name="follow">
      <FollowBox visit={visit} channel={stream.user} root={ROOT} back={`watch/${stream.stream_id}`} />
    </Area>
  )
}

function AboutArea({ visit: { language }, stream }: WatchParts) {
  return (
    <Area name="about">
      <About stream={stream} language={language} />
    </Area>
  )
}

function WatchHead({ visit, stream }: WatchParts) {
  const { language, signedIn } = visit
  const text = WATCH_PAGE_MESSAGES[language]
  const { username } = stream.user
  const isOwner = signedIn?.user.userId === stream.user.user_id
  return (
    <header class="watch-head">
      <div class="watch-title">
        <TitleArea visit={visit} stream={stream} />
        <p class="watch-marks">
          <StateBadge state={stream.state} language={language} />
          <span class="mark" data-viewers hidden={!isOnAir(stream.state)}>
            <Icon name="viewers" />
            <span>{BROADCAST_LIST_MESSAGES[language].viewers(stream.viewer_count)}</span>
          </span>
          <OnAirClock stream={stream} visit={{ language }} />
          <VisibilityArea visit={visit} stream={stream} />
        </p>
        <a class="by" href={`${ROOT}/@${username}`}>
          <Avatar name={username} />
          <strong>{username}</strong>
        </a>
        <FollowArea visit={visit} stream={stream} />
      </div>
      <div class="actions">
        <ShareButton language={language} />
        <TipLink visit={visit} streamId={stream.stream_id} ownerId={stream.user.user_id} root={ROOT} />
        <ReportLink
          visit={visit}
          subject={{ kind: 'stream', id: stream.stream_id }}
          ownerId={stream.user.user_id}
          root={ROOT}
        />
        {isOwner ? (
          <a class="button" href={`${ROOT}/studio/${stream.stream_id}`}>
            <Icon name="camera" />
            {text.controlRoom}
          </a>
        ) : null}
        <ClipBox
          visit={visit}
          source={{ kind: 'stream', id: stream.stream_id }}
          root={ROOT}
          isHidden={stream.playback_url === null}
        />
      </div>
    </header>
  )
}

type ClockParts = { readonly stream: StreamView; readonly visit: Pick<Visit, 'language'> }

/** Renders how long a broadcast has been on the air; the page's script keeps it going. */
export function OnAirClock({ stream, visit: { language } }: ClockParts) {
  const { started_at: startedAt, state } = stream
  const seconds = startedAt === null ? 0 : (Date.now() - Date.parse(startedAt)) / 1000
  return (
    <span
      class="mark"
      data-clock={startedAt ?? ''}
      title={WATCH_PAGE_MESSAGES[language].onAir}
      hidden={!isOnAir(state)}
    >
      <Icon name="clock" />
      <span>{formatClock(seconds)}</span>
    </span>
  )
}
