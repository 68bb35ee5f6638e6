import { Hono, type Context as HonoContext } from 'hono'

import { BrokenRule } from '../../../errors.ts'
import { findUserByName } from '../../accounts/store/users.ts'
import { LIVE_ERRORS } from '../../errors.ts'
import { followUser, muteChannel, unfollowUser } from '../../follows/follow-user.ts'
import { readForm } from '../form-body.ts'
import { returnPathOf } from '../return-path.ts'
import { beginVisit, type PagesContext } from '../visit.ts'

/** Returns the address of the form by which a channel is followed and unfollowed; it leads back to its page. */
export function followPageRoutes(context: PagesContext): Hono {
  return (
    new Hono()
      // The page of a form that was refused leads here by its language, and by signing in.
      .get('/:name{@[A-Za-z0-9_-]+}/follow', (c) => c.redirect(`../${c.req.param('name')}`, 302))
      .post('/:name{@[A-Za-z0-9_-]+}/follow', (c) => followFromForm(context, c))
  )
}

async function followFromForm(context: PagesContext, c: HonoContext): Promise<Response> {
  const { follow, notices, email, back } = await readForm(context, c)
  const { signedIn } = await beginVisit(context, c)
  const path = returnPathOf(back)
  if (signedIn === null) return c.redirect(`../sign-in?next=${encodeURIComponent(path)}`, 303)
  const channel = await findUserByName(context.db, (c.req.param('name') ?? '').slice(1))
  if (channel === null) throw new BrokenRule(LIVE_ERRORS.USER_NOT_FOUND, 'there is no user of this name')
  if (follow === 'yes') await followUser(context, signedIn, channel.userId)
  else if (follow === 'no') await unfollowUser(context, signedIn, channel.userId)
  else if (notices !== undefined) await muteChannel(context, signedIn, channel.userId, { isMuted: notices === 'no' })
  else if (email === 'yes') await muteChannel(context, signedIn, channel.userId, { isEmailMuted: false })
  return c.redirect(`../${path === '.' ? '' : path}`, 303)
}
