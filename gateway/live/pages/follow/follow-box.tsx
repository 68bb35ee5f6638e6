/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import { Icon } from '../../../web/components/icons.tsx'
import { BROADCAST_MESSAGES } from '../messages/broadcasts.ts'
import { FOLLOW_MESSAGES } from '../messages/follows.ts'
import { NOTICE_MESSAGES } from '../messages/notices.ts'
import type { Visit } from '../visit.ts'
import { readFollowState, type FollowState } from './follow-state.ts'

type FollowBoxParts = {
  readonly visit: Visit
  readonly channel: { readonly user_id: string; readonly username: string }
  /** Leads from the page's URL to the root of the site. */
  readonly root: string
  /** The page, as its path below the root. */
  readonly back: string
}

/** Renders how many follow a channel, with the button by which the viewer follows or unfollows it. */
export async function FollowBox({ visit, channel, root, back }: FollowBoxParts) {
  const { signedIn, language } = visit
  const state = await readFollowState(visit, channel.user_id)
  const isOwn = signedIn?.user.userId === channel.user_id
  return (
    <div class="follow-box">
      <span class="mark">
        <Icon name="user" />
        <span data-followers>{BROADCAST_MESSAGES[language].followers(state.followers)}</span>
      </span>
      {isOwn ? null : <FollowAction visit={visit} channel={channel} root={root} back={back} state={state} />}
    </div>
  )
}

function FollowAction({ visit, channel, root, back, state }: FollowBoxParts & { readonly state: FollowState }) {
  const text = FOLLOW_MESSAGES[visit.language]
  const { username } = channel
  if (visit.signedIn === null) {
    return (
      <a class="button button-small" href={`${root}/sign-in?next=${encodeURIComponent(back)}`}>
        <Icon name="plus" />
        {text.signInToFollow}
      </a>
    )
  }
  const { isFollowing, isMuted, isEmailMuted } = state
  return (
    <form class="actions" method="post" action={`${root}/@${username}/follow`}>
      <input type="hidden" name="back" value={back} />
      <button
        class={isFollowing ? 'button button-small' : 'button button-small button-primary'}
        type="submit"
        name="follow"
        value={isFollowing ? 'no' : 'yes'}
        aria-label={isFollowing ? text.unfollowOf(username) : text.followOf(username)}
      >
        <Icon name={isFollowing ? 'check' : 'plus'} />
        {isFollowing ? text.unfollow : text.follow}
      </button>
      {isFollowing ? <MuteButton visit={visit} isMuted={isMuted} /> : null}
      {isEmailMuted && !isMuted ? <UnmuteEmailButton visit={visit} /> : null}
    </form>
  )
}

type MuteButtonParts = { readonly visit: Visit; readonly isMuted: boolean }

function MuteButton({ visit, isMuted }: MuteButtonParts) {
  const text = NOTICE_MESSAGES[visit.language]
  return (
    <button class="button button-small" type="submit" name="notices" value={isMuted ? 'yes' : 'no'}>
      <Icon name="bell" />
      {isMuted ? text.unmute : text.mute}
    </button>
  )
}

/** Renders the way back from the link in a mail that ended the mails about a channel. */
function UnmuteEmailButton({ visit }: { readonly visit: Visit }) {
  if (visit.context.settings.mail === null) return null
  return (
    <button class="button button-small" type="submit" name="email" value="yes">
      {NOTICE_MESSAGES[visit.language].unmuteEmail}
    </button>
  )
}
