/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import { Hono } from 'hono'
import type { Child } from 'hono/jsx'

import { BrokenRule } from '../../../errors.ts'
import { Avatar, MonitorArt } from '../../../web/components/art.tsx'
import { Icon } from '../../../web/components/icons.tsx'
import { presentUser, type PublicUser } from '../../accounts/present.ts'
import { findUserByName } from '../../accounts/store/users.ts'
import type { StreamView } from '../../broadcasts/present.ts'
import { LIVE_ERRORS } from '../../errors.ts'
import { FollowBox } from '../follow/follow-box.tsx'
import { ReportLink } from '../report/report-link.tsx'
import { showPage } from '../frame.tsx'
import { Area, Refresher, showPart } from '../fresh-area.tsx'
import { MoreLink, readTurn, turnQuery, type ListTurn } from '../list-turn.tsx'
import { BROADCAST_LIST_MESSAGES } from '../messages/broadcast-lists.ts'
import { CHANNEL_MESSAGES } from '../messages/channel.ts'
import { CLIP_MESSAGES } from '../messages/clips.ts'
import { Moment } from '../moment.tsx'
import { ArchiveCard, ClipCard, LISTS_SCRIPT, StreamCard } from '../stream-card.tsx'
import { open, type PagesContext, type Visit } from '../visit.ts'
import { CHANNEL_LISTS, readChannelLists, type ChannelListName } from './read-lists.ts'

const ROOT = '.'
/** The part of the page that is read again by itself. */
const LIST_PART = 'list'

/** Returns the channel of a user: what is live, planned, recorded and clipped. */
export function channelRoutes(context: PagesContext): Hono {
  return new Hono().get(
    '/:name{@[A-Za-z0-9_-]+}',
    open(context, async (visit) => {
      const { c } = visit
      const found = await findUserByName(context.db, (c.req.param('name') ?? '').slice(1))
      if (found === null) throw new BrokenRule(LIVE_ERRORS.USER_NOT_FOUND, 'there is no user of this name')
      const user = presentUser(found)
      const turn = readTurn(c, CHANNEL_LISTS)
      const list = await ChannelList({ visit, user, turn })
      const parts = { visit, user, turn, list }
      if (c.req.query('part') === LIST_PART) {
        return showPart(
          c,
          <>
            <FollowArea {...parts} />
            <ListArea {...parts} />
          </>,
        )
      }
      const main = <ChannelPage {...parts} />
      const query = turnQuery(turn)
      return showPage(visit, { title: user.username, root: ROOT, main, scripts: [LISTS_SCRIPT], hasMedia: true, query })
    }),
  )
}

type ChannelParts = {
  readonly visit: Visit
  readonly user: PublicUser
  readonly turn: ListTurn<ChannelListName> | null
}

type ListedChannel = ChannelParts & { readonly list: Child }

function FollowArea({ visit, user }: ChannelParts) {
  return (
    <Area name="follow">
      <FollowBox visit={visit} channel={user} root={ROOT} back={`@${user.username}`} />
    </Area>
  )
}

function ListArea({ visit, user, list }: ListedChannel) {
  return (
    <Area name="list">
      {user.about === null ? null : (
        <section aria-label={CHANNEL_MESSAGES[visit.language].about}>
          <p class="description">{user.about}</p>
        </section>
      )}
      <div class="stack">{list}</div>
    </Area>
  )
}

function ChannelPage(parts: ListedChannel) {
  const { visit, user, turn } = parts
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
          <FollowArea {...parts} />
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
      <ListArea {...parts} />
      <Refresher part={LIST_PART} query={turnQuery(turn)} />
    </div>
  )
}

async function ChannelList({ visit, user, turn }: ChannelParts) {
  const { language } = visit
  const { live, scheduled, recordings, clips } = await readChannelLists(visit, user.user_id, turn)
  const text = BROADCAST_LIST_MESSAGES[language]
  const isEmpty = live.length + scheduled.length + recordings.archives.length + clips.clips.length === 0
  if (isEmpty && turn === null) return <SilentChannel visit={visit} user={user} />
  const cardsOf = (streams: readonly StreamView[]) =>
    streams.map((stream) => <StreamCard stream={stream} root={ROOT} language={language} />)
  return (
    <>
      <Shelf title={text.liveNow} isLive cards={cardsOf(live)} />
      <Shelf title={text.upcoming} cards={cardsOf(scheduled)}>
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
      >
        <MoreLink list="recordings" cursor={recordings.next_cursor} language={language} />
      </Shelf>
      <Shelf
        title={CLIP_MESSAGES[language].clips}
        cards={clips.clips.map((clip) => (
          <ClipCard clip={clip} root={ROOT} language={language} />
        ))}
      >
        <MoreLink list="clips" cursor={clips.next_cursor} language={language} />
      </Shelf>
      {turn === null ? null : (
        <div class="actions">
          <a class="button button-small" href={`@${user.username}`}>
            {text.showAll}
          </a>
        </div>
      )}
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

function SilentChannel({ visit: { language, signedIn }, user }: Pick<ChannelParts, 'visit' | 'user'>) {
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
