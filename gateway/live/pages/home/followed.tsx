/** @jsxRuntime automatic @jsxImportSource hono/jsx */

import { Avatar } from '../../../web/components/art.tsx'
import { readFollowedChannels } from '../../store/follows.ts'
import { StateBadge } from '../stream-card.tsx'
import { FOLLOW_MESSAGES } from '../messages/follows.ts'
import type { Visit } from '../visit.ts'

const SHOWN = 40

/** Renders the channels that the viewer follows, those on the air first; nothing where there are none. */
export async function FollowedChannels({ visit: { context, signedIn, language } }: { readonly visit: Visit }) {
  if (signedIn === null) return null
  const channels = await readFollowedChannels(context.db, signedIn.user.userId, SHOWN)
  if (channels.length === 0) return null
  return (
    <section class="shelf">
      <h2>{FOLLOW_MESSAGES[language].followed}</h2>
      <ul class="followed">
        {channels.map(({ username, liveStreamId }) => (
          <li>
            <a href={liveStreamId === null ? `@${username}` : `watch/${liveStreamId}`}>
              <Avatar name={username} />
              {username}
              {liveStreamId === null ? null : <StateBadge state="live" language={language} />}
            </a>
          </li>
        ))}
      </ul>
    </section>
  )
}
