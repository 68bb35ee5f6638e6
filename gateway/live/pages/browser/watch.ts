/** Runs on the pages of a broadcast and of a recording. */

import { BROADCAST_MESSAGES } from '../messages/broadcasts.ts'
import { attachAbout } from './about.ts'
import { followBroadcast, on } from './broadcast-events.ts'
import { attachChat } from './chat/attach-chat.ts'
import { attachFollowedArea } from './followed-area.ts'
import { find, setHidden, setText, textsOf } from './elements.ts'
import { attachClock } from './on-air-clock.ts'
import { attachScreen } from './screen.ts'
import { FollowersEvent } from '../stream-events.ts'
import { isOnAir, showState } from './state-badge.ts'

const element = find(document, '[data-screen]')
/** Names this viewer, for no more than the count of viewers: its events and its player are one. */
const viewer = ['viewer', element.dataset['viewer'] ?? ''] as const
const screen = attachScreen(element, viewer)
const { stream } = element.dataset
if (stream !== undefined) follow(stream)
// What few pages have is loaded by those alone.
if (document.querySelector('[data-seek]') !== null) {
  void import('./chapters.ts').then(({ attachChapters }) => attachChapters(element))
}
if (document.querySelector('[data-clip-form]') !== null) {
  void import('./clip-form.ts').then(({ attachClipForm }) => attachClipForm(element))
}
attachShare()
const chat = document.querySelector<HTMLElement>('[data-chat]')
if (chat !== null) attachChat(chat)
const replay = document.querySelector<HTMLElement>('[data-replay]')
if (replay !== null) void import('./chat/replay.ts').then(({ attachReplay }) => attachReplay(replay, element))

function follow(streamId: string): void {
  const clock = attachClock()
  const about = attachAbout(find(document, '[data-about]'))
  const fresh = attachFollowedArea('[data-refresher]')
  const texts = textsOf(BROADCAST_MESSAGES)
  followBroadcast(streamId, viewer, {
    query: '&followers=on',
    onState(event) {
      showState(event.state)
      setText(document, '[data-title]', event.title)
      setHidden(document, '[data-viewers]', !isOnAir(event.state))
      clock.start(isOnAir(event.state) ? event.started_at : null)
      setHidden(document, '[data-clip]', !event.is_playable)
      about.showState(event)
      screen.show(event)
    },
    onAbout: (event) => about.show(event),
    onViewers({ viewer_count: count, peak_viewers: peak }) {
      setText(document, '[data-viewers] span', texts.viewers(count))
      setText(document, '[data-peak]', String(peak))
    },
    others: new Map([
      on('followers', FollowersEvent, ({ follower_count: count }) => {
        setText(document, '[data-followers]', texts.followers(count))
        fresh.follow(false)
      }),
    ]),
    onLeave: () => fresh.leave(),
    onConnection: (isConnected) => screen.showConnection(isConnected),
    onGone: () => screen.showGone(),
  })
}

/** Makes the button of the page's address one that copies, with the script of all pages. */
function attachShare(): void {
  const share = document.querySelector<HTMLElement>('[data-share]')
  if (share === null) return
  share.dataset['copy'] = location.origin + location.pathname
  share.hidden = false
}
