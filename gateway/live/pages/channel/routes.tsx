/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import { Hono } from 'hono'
import type { Child } from 'hono/jsx'

import { BrokenRule } from '../../../errors.ts'
import { Avatar, MonitorArt } from '../../../web/components/art.tsx'
import { Icon } from '../../../web/components/icons.tsx'
import { presentUser, type PublicUser } from '../../accounts/present.ts'
import { findUserByName } from '../../accounts/store/users.ts'
import { listArchives } from '../../archives/read-archives.ts'
import { listStreams } from '../../broadcasts/list-streams.ts'
import { listClips } from '../../clips/read-clips.ts'
import { LIVE_ERRORS } from '../../errors.ts'
import { FollowBox } from '../follow/follow-box.tsx'
import { ReportLink } from '../report/report-link.tsx'
import { readSchedule } from '../../schedule/read-schedule.ts'
import { showPage } from '../frame.tsx'
import { BROADCAST_LIST_MESSAGES } from '../messages/broadcast-lists.ts'
import { CHANNEL_MESSAGES } from '../messages/channel.ts'
import { CLIP_MESSAGES } from '../messages/clips.ts'
import { Moment } from '../moment.tsx'
import { ArchiveCard, ClipCard, LISTS_SCRIPT, StreamCard } from '../stream-card.tsx'
import { open, type PagesContext, type Visit } from '../visit.ts'

const ROOT = '.'
const LIVE_SHOWN = 12
const RECORDINGS_SHOWN = 48
const CLIPS_SHOWN = 24
/** Interval of looking for changes, in seconds. */
const REFRESH_SEC = 2

/** Returns the channel of a user: what is live, planned, recorded and clipped. */
export function channelRoutes(context: PagesContext): Hono {
  return new Hono().get(
    '/:name{@[A-Za-z0-9_-]+}',
    open(context, async (visit) => {
      const { c } = visit
      const found = await findUserByName(context.db, (c.req.param('name') ?? '').slice(1))
      if (found === null) throw new BrokenRule(LIVE_ERRORS.USER_NOT_FOUND, 'there is no user of this name')
      const user = presentUser(found)
      const list = await ChannelList({ visit, user })
      if (c.req.query('part') === 'list') {
        c.header('Cache-Control', 'no-store')
        return c.html(list)
      }
      const main = <ChannelPage visit={visit} user={user} list={list} />
      return showPage(visit, { title: user.username, root: ROOT, main, scripts: [LISTS_SCRIPT], hasMedia: true })
    }),
  )
}

type ChannelParts = { readonly visit: Visit; readonly user: PublicUser }

function ChannelPage({ visit, user, list }: ChannelParts & { readonly list: Child }) {
  const text = CHANNEL_MESSAGES[visit.language]
  const isOwn = visit.signedIn?.user.userId === user.user_id
  return (
    <div class="wrap stack">
      <header class="channel-head">
        <Avatar name={user.username} />
        <div>
          <h1>{user.username}</h1>
          <p class="muted">
            {text.since} <Moment at={user.created_at} language={visit.language} format="day" />
          </p>
          <FollowBox visit={visit} channel={user} root={ROOT} back={`@${user.username}`} />
        </div>
        <div class="actions">
          {isOwn ? (
            <a class="button" href="settings">
              <Icon name="gear" />
              {text.edit}
            </a>
          ) : null}
          <ReportLink visit={visit} subject={{ kind: 'user', id: user.user_id }} ownerId={user.user_id} root={ROOT} />
        </div>
      </header>
      <div class="stack" data-refresh="?part=list" data-every={REFRESH_SEC}>
        {list}
      </div>
    </div>
  )
}

async function ChannelList({ visit, user }: ChannelParts) {
  const { context, language, signedIn } = visit
  const of = { user: user.user_id, cursor: undefined }
  const [live, scheduled, recordings, { clips }] = await Promise.all([
    listStreams(context, signedIn, { ...of, state: 'live', limit: LIVE_SHOWN }),
    readSchedule(context, signedIn, user.user_id),
    listArchives(context, signedIn, { ...of, limit: RECORDINGS_SHOWN }),
    listClips(context, signedIn, { ...of, stream_id: undefined, limit: CLIPS_SHOWN }),
  ])
  const text = BROADCAST_LIST_MESSAGES[language]
  const isEmpty = live.streams.length + scheduled.streams.length + recordings.archives.length + clips.length === 0
  if (isEmpty) return <SilentChannel visit={visit} user={user} />
  const cardsOf = (streams: typeof live.streams) =>
    streams.map((stream) => <StreamCard stream={stream} root={ROOT} language={language} />)
  return (
    <>
      <Shelf title={text.liveNow} isLive cards={cardsOf(live.streams)} />
      <Shelf title={text.upcoming} cards={cardsOf(scheduled.streams)}>
        <a class="button button-small" href={`api/v1/users/${user.user_id}/schedule.ics`} download>
          <Icon name="clock" />
          {CHANNEL_MESSAGES[language].calendar}
        </a>
      </Shelf>
      <Shelf
        title={text.recordings}
        cards={recordings.archives.map((archive) => (
          <ArchiveCard archive={archive} root={ROOT} language={language} />
        ))}
      />
      <Shelf
        title={CLIP_MESSAGES[language].clips}
        cards={clips.map((clip) => (
          <ClipCard clip={clip} root={ROOT} language={language} />
        ))}
      />
    </>
  )
}

type ShelfParts = {
  readonly title: string
  readonly isLive?: boolean
  readonly cards: readonly Child[]
  readonly children?: Child
}

function Shelf({ title, isLive = false, cards, children }: ShelfParts) {
  if (cards.length === 0) return null
  return (
    <section class="shelf">
      <h2>
        {isLive ? <span class="tally" aria-hidden="true" /> : null}
        {title}
      </h2>
      <div class={isLive ? 'cards cards-live cards-few' : 'cards'}>{[...cards]}</div>
      {children === undefined ? null : <div class="actions">{children}</div>}
    </section>
  )
}

function SilentChannel({ visit: { language, signedIn }, user }: ChannelParts) {
  const text = CHANNEL_MESSAGES[language]
  const isOwn = signedIn?.user.userId === user.user_id
  return (
    <section class="blank">
      <MonitorArt lamp="off" />
      <h2>{text.silentTitle}</h2>
      <p>{isOwn ? text.ownSilentText : text.silentText(user.username)}</p>
      {isOwn ? (
        <a class="button button-primary" href="studio/new">
          <Icon name="camera" />
          {text.goLive}
        </a>
      ) : null}
    </section>
  )
}
