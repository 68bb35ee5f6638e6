import { and, desc, eq, inArray, lt, sql, type SQL } from 'drizzle-orm'

import type { DbOrTx } from '../../ports/database.ts'
import type { BroadcastState } from '../rules/broadcast-state.ts'
import { streams, users } from '../schema.ts'
import { isListedFor } from './listed.ts'
import { isNamed } from './names.ts'
import { selectOwned, type OwnedStream } from './streams.ts'

/** What a list of broadcasts is limited to. */
export type StreamFilter = {
  readonly states: readonly BroadcastState[]
  /** Id or name of the owner. */
  readonly user: string | undefined
  readonly category: string | undefined
  /** Text in the title, the description or a tag of the newest `MAX_SEARCHED` that the other fields leave. */
  readonly text: string | undefined
  readonly limit: number
}

/** A page of broadcasts by their age; `before`: only those that are older than this one. */
export type StreamPageFilter = StreamFilter & { readonly before: string | null }

/** Broadcasts that one search reads, whether it finds something or not. */
const MAX_SEARCHED = 5000

/** Returns the broadcasts that a viewer finds in lists, newest first: public ones, those for followers, and the own ones. */
export function readStreamPage(db: DbOrTx, filter: StreamPageFilter, viewerId: string | null): Promise<OwnedStream[]> {
  const { text, before, limit } = filter
  const owned = text === undefined ? selectOwned(db) : selectSearched(db, filter)
  return owned
    .where(and(matches(filter, viewerId), before === null ? undefined : lt(streams.streamId, before)))
    .orderBy(desc(streams.streamId))
    .limit(limit)
}

/** Selects what a search reads: the newest broadcasts, which an index has in their order. The name of the table is theirs. */
function selectSearched(db: DbOrTx, { states, user, category, before }: StreamPageFilter) {
  const newest = db
    .select()
    .from(streams)
    .where(
      and(
        inArray(streams.state, [...states]),
        user === undefined ? undefined : sql`${streams.userId} = (select user_id from ${users} where ${isNamed(user)})`,
        category === undefined ? undefined : eq(streams.category, category),
        before === null ? undefined : lt(streams.streamId, before),
      ),
    )
    .orderBy(desc(streams.streamId))
    .limit(MAX_SEARCHED)
    .as('streams')
  return db
    .select({ stream: streams, username: users.username })
    .from(newest)
    .innerJoin(users, eq(users.userId, streams.userId))
}

/** The place of a broadcast in a list that is ordered by viewers. */
export type ViewersRank = { readonly viewers: number; readonly streamId: string }

/** Returns the broadcasts that a viewer finds in lists, those with the most viewers first. */
export function readStreamsByViewers(
  db: DbOrTx,
  filter: StreamFilter & { readonly after: ViewersRank | null },
  viewerId: string | null,
): Promise<OwnedStream[]> {
  const { after, limit } = filter
  const rank = sql`(${streams.viewerCount}, ${streams.streamId})`
  return selectOwned(db)
    .where(
      and(
        matches(filter, viewerId),
        after === null ? undefined : sql`${rank} < (${after.viewers}::int, ${after.streamId}::uuid)`,
      ),
    )
    .orderBy(desc(streams.viewerCount), desc(streams.streamId))
    .limit(limit)
}

function matches({ states, user, category, text }: StreamFilter, viewerId: string | null): SQL | undefined {
  return and(
    isListedFor(streams, viewerId),
    inArray(streams.state, [...states]),
    user === undefined ? undefined : isNamed(user),
    category === undefined ? undefined : eq(streams.category, category),
    text === undefined ? undefined : contains(text),
  )
}

function contains(text: string): SQL {
  const pattern = `%${text.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`
  return sql`(${streams.title} ilike ${pattern} or ${streams.description} ilike ${pattern} or array_to_string(${streams.tags}, ' ') ilike ${pattern})`
}
