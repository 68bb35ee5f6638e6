import { Hono } from 'hono'

import { KERNEL_ERRORS } from '../../errors.ts'
import { parse, requireJson } from '../../http/json-body.ts'
import { answers, describe } from '../../http/openapi.ts'
import { userIdOf } from '../accounts/path-user.ts'
import { requireSession } from '../accounts/session.ts'
import type { LiveContext } from '../context.ts'
import { LIVE_ERRORS } from '../errors.ts'
import { followUser, unfollowById, updateFollow } from './follow-user.ts'
import { listFollowers, listFollowing } from './list-follows.ts'
import { FollowList, FollowView, presentFollow } from './present.ts'
import { FollowBody, FollowListQuery, UpdateFollowBody } from './requests.ts'

const TAG = 'Follows'
const LIST_ERRORS = [KERNEL_ERRORS.INVALID_CONFIG, LIVE_ERRORS.USER_NOT_FOUND]

const DOCS = {
  follow: describe(
    TAG,
    'Follow a channel',
    {
      ...answers(201, FollowView, 'The follow; repeated, the answer is the same.'),
      errors: [
        KERNEL_ERRORS.INVALID_CONFIG,
        LIVE_ERRORS.USER_NOT_FOUND,
        LIVE_ERRORS.TOO_MANY_FOLLOWS,
        LIVE_ERRORS.FOLLOW_LIMITED,
      ],
    },
    'session',
  ),
  update: describe(
    TAG,
    'Turn the notices of a channel on or off',
    {
      ...answers(200, FollowView, 'The follow.'),
      errors: [KERNEL_ERRORS.INVALID_CONFIG, LIVE_ERRORS.FOLLOW_NOT_FOUND],
    },
    'session',
  ),
  unfollow: describe(
    TAG,
    'Unfollow a channel',
    { ...answers(204, null, 'The follow has ended; repeated, too.'), errors: [LIVE_ERRORS.FOLLOW_NOT_FOUND] },
    'session',
  ),
  followers: describe(
    TAG,
    'Who follows a user, newest first',
    { ...answers(200, FollowList, 'A page of them.'), errors: LIST_ERRORS },
    'none',
  ),
  following: describe(
    TAG,
    'Whom a user follows, newest first',
    { ...answers(200, FollowList, 'A page of them.'), errors: LIST_ERRORS },
    'none',
  ),
} as const

/** Returns the API of follows. */
export function followRoutes(context: LiveContext): Hono {
  const routes = new Hono()
  for (const method of ['PUT', 'PATCH']) {
    routes.on(method, '/follows/:id', DOCS.update, requireJson, parse('json', UpdateFollowBody), async (c) => {
      const signedIn = await requireSession(context, c)
      return c.json(presentFollow(await updateFollow(context, signedIn, c.req.param('id'), c.req.valid('json'))))
    })
  }
  return routes
    .post('/follows', DOCS.follow, requireJson, parse('json', FollowBody), async (c) => {
      const follow = await followUser(context, await requireSession(context, c), c.req.valid('json').user_id)
      return c.json(presentFollow(follow), 201)
    })
    .delete('/follows/:id', DOCS.unfollow, async (c) => {
      await unfollowById(context, await requireSession(context, c), c.req.param('id'))
      return c.body(null, 204)
    })
    .get('/users/:id/followers', DOCS.followers, parse('query', FollowListQuery), async (c) =>
      c.json(await listFollowers(context, await userIdOf(context, c), c.req.valid('query'))),
    )
    .get('/users/:id/following', DOCS.following, parse('query', FollowListQuery), async (c) =>
      c.json(await listFollowing(context, await userIdOf(context, c), c.req.valid('query'))),
    )
}
