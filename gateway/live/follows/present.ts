import * as v from 'valibot'

import { ListedUser } from '../accounts/present.ts'
import type { Follow, FollowedUser } from '../store/follows.ts'

const Moment = v.pipe(v.string(), v.isoTimestamp())

/** Answer to `POST /follows`. */
export const FollowView = v.object({
  follow_id: v.string(),
  follower_id: v.string(),
  following_id: v.string(),
  /** Whether the follower wants notices of this channel. */
  notices: v.boolean(),
  /** Whether they may come by e-mail, and as a push. */
  email: v.boolean(),
  push: v.boolean(),
  created_at: Moment,
})
export type FollowView = v.InferOutput<typeof FollowView>

/** Answer to `GET /users/{id}/followers` and `/following`. */
export const FollowList = v.object({
  users: v.array(v.object({ ...ListedUser.entries, followed_at: Moment })),
  next_cursor: v.nullable(v.string()),
})
export type FollowList = v.InferOutput<typeof FollowList>

/** Returns a follow as its follower sees it. */
export function presentFollow(follow: Follow): FollowView {
  return {
    follow_id: follow.followId,
    follower_id: follow.followerId,
    following_id: follow.followingId,
    notices: !follow.isMuted,
    email: !follow.isEmailMuted,
    push: !follow.isPushMuted,
    created_at: follow.createdAt.toISOString(),
  }
}

/** Returns a user of a list of follows as everyone sees it. */
export function presentFollowedUser(user: FollowedUser): FollowList['users'][number] {
  return {
    user_id: user.userId,
    username: user.username,
    created_at: user.userCreatedAt.toISOString(),
    followed_at: user.followedAt.toISOString(),
  }
}
