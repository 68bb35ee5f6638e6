import * as v from 'valibot'

import { UUID } from '../../../../shared/ids.ts'
import { signUnsubscribe, timingSafeEqual } from '../../../../shared/net/signing.ts'
import type { Settings } from '../../../settings/settings.ts'
import type { LiveContext } from '../../context.ts'
import { muteFollow } from '../../store/follows.ts'
import { putPreferences } from '../../store/notice-preferences.ts'

/** The query of a link that ends e-mails about a channel to a user. Who has it needs no session. */
const UnsubscribeLink = v.object({
  user: v.pipe(v.string(), v.regex(UUID)),
  channel: v.pipe(v.string(), v.regex(UUID)),
  signature: v.string(),
})
export type UnsubscribeLink = v.InferOutput<typeof UnsubscribeLink>

/** Which e-mails end: those about the channel, or those about all channels and the own broadcasts. */
export type UnsubscribeScope = 'channel' | 'all'

/** Returns the query of the link that a mail to a user about a channel has. It does not expire. */
export function makeUnsubscribeQuery({ keys }: Pick<Settings, 'keys'>, user: string, channel: string): string {
  const signature = signUnsubscribe(keys.INTERNAL_API_KEY, user, channel)
  return new URLSearchParams({ user, channel, signature }).toString()
}

/** Returns the link of a query; `null` where it is not complete, or its signature is wrong. */
export function readUnsubscribeLink(
  { settings }: LiveContext,
  query: Readonly<Record<string, string>>,
): UnsubscribeLink | null {
  const { success, output } = v.safeParse(UnsubscribeLink, query)
  if (!success) return null
  const { user, channel, signature } = output
  const expected = signUnsubscribe(settings.keys.INTERNAL_API_KEY, user, channel)
  return timingSafeEqual(expected, signature) ? output : null
}

/** Ends the e-mails of a link. Repeated, it does nothing. */
export async function unsubscribe(
  { db }: LiveContext,
  { user, channel }: UnsubscribeLink,
  scope: UnsubscribeScope,
): Promise<void> {
  if (scope === 'all') await putPreferences(db, user, { emailKinds: [] })
  else await muteFollow(db, { followerId: user, followingId: channel }, { isEmailMuted: true })
}
