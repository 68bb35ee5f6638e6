import type { LiveContext } from '../context.ts'
import type { SignedIn } from '../accounts/session.ts'
import { countFollowers, findFollow } from '../store/follows.ts'

/** How many follow a channel, and whether the viewer does. */
export type FollowState = { readonly followers: number; readonly isFollowing: boolean }

/** Returns how many follow a channel, and whether the viewer does. */
export async function readFollowState(
  { db }: LiveContext,
  viewer: SignedIn | null,
  followingId: string,
): Promise<FollowState> {
  const [followers, follow] = await Promise.all([
    countFollowers(db, followingId),
    viewer === null ? null : findFollow(db, { followerId: viewer.user.userId, followingId }),
  ])
  return { followers, isFollowing: follow !== null }
}
