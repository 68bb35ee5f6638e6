import { userNotFound } from '../accounts/path-user.ts'
import type { SignedIn } from '../accounts/session.ts'
import { findUser, type User } from '../accounts/store/users.ts'
import { viewOf } from '../broadcasts/get-stream.ts'
import type { StreamList } from '../broadcasts/present.ts'
import type { LiveContext } from '../context.ts'
import { readPlanned } from '../store/schedule.ts'
import type { OwnedStream } from '../store/streams.ts'
import { formatCalendar, type CalendarEvent } from './format-calendar.ts'

/** As many as an account can have. */
const MAX_PLANNED = 100
/** No one knows how long a broadcast will last. */
const DURATION_MIN = 60

/**
 * Returns the planned broadcasts of a user that a viewer finds in lists, the next one first, on one page.
 * @throws BrokenRule USER_NOT_FOUND
 */
export async function readSchedule(
  context: LiveContext,
  viewer: SignedIn | null,
  ownerId: string,
): Promise<StreamList> {
  const { planned } = await readPlannedOf(context, viewer, ownerId)
  return { streams: planned.map((one) => viewOf(context, one, viewer)), next_cursor: null }
}

/**
 * Returns the same as a calendar; `siteUrl` is where the pages are.
 * @throws BrokenRule USER_NOT_FOUND
 */
export async function readCalendar(
  context: LiveContext,
  viewer: SignedIn | null,
  { ownerId, siteUrl }: { readonly ownerId: string; readonly siteUrl: string },
): Promise<string> {
  const { owner, planned } = await readPlannedOf(context, viewer, ownerId)
  return formatCalendar(
    owner.username,
    planned.flatMap((one) => toEvent(one, siteUrl)),
  )
}

async function readPlannedOf(
  { db }: LiveContext,
  viewer: SignedIn | null,
  ownerId: string,
): Promise<{ readonly owner: User; readonly planned: readonly OwnedStream[] }> {
  const owner = await findUser(db, ownerId)
  if (owner === null) throw userNotFound()
  const viewerId = viewer?.user.userId ?? null
  return { owner, planned: await readPlanned(db, ownerId, { viewerId, limit: MAX_PLANNED }) }
}

function toEvent({ stream, username }: OwnedStream, siteUrl: string): CalendarEvent[] {
  const { streamId, title, description, scheduledFor, updatedAt } = stream
  if (scheduledFor === null) return []
  return [
    {
      uid: `${streamId}@tallylight`,
      start: scheduledFor,
      durationMin: DURATION_MIN,
      changedAt: updatedAt,
      summary: `${username}: ${title}`,
      description,
      url: `${siteUrl}/watch/${streamId}`,
    },
  ]
}
