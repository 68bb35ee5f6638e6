import { findFollow } from '../../store/follows.ts'
import type { Visit } from '../visit.ts'

/** How many follow a channel, whether the viewer does, and whether the viewer wants no notices, or no mails, about it. */
export type FollowState = {
  readonly followers: number
  readonly isFollowing: boolean
  readonly isMuted: boolean
  readonly isEmailMuted: boolean
}

/** Returns how many follow a channel, and what it is to the viewer. */
export async function readFollowState({ context, signedIn }: Visit, followingId: string): Promise<FollowState> {
  const [followers, follow] = await Promise.all([
    context.countFollowers(followingId),
    signedIn === null ? null : findFollow(context.db, { followerId: signedIn.user.userId, followingId }),
  ])
  const { isMuted = false, isEmailMuted = false } = follow ?? {}
  return { followers, isFollowing: follow !== null, isMuted, isEmailMuted }
}
