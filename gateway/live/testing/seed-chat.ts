import postgres from 'postgres'

import { newUuid } from '../../../shared/ids.ts'
import { deriveSessionKey } from '../../../shared/net/signing.ts'
import { signSessionToken } from '../accounts/session-token.ts'

/** A gateway whose chat is put under load. */
type SeededGateway = { readonly databaseUrl: string; readonly internalKey: string }

/** Broadcasts with a chat each, and the sessions of those who write. */
type SeededChats = { readonly streamIds: readonly string[]; readonly tokens: readonly string[] }

/** How many rows there are of each. */
type SeededCounts = { readonly chats: number; readonly writers: number }

const DAY_MS = 86_400_000

/** Creates broadcasts with a chat, and sessions of users as rows: each password would take its time. */
export async function seedChats(
  { databaseUrl, internalKey }: SeededGateway,
  { chats, writers }: SeededCounts,
): Promise<SeededChats> {
  const sql = postgres(databaseUrl, { max: 1 })
  const people = Array.from({ length: writers }, (_one, i) => ({
    user_id: newUuid(),
    username: `writer-${i}`,
    email: `writer-${i}@example.org`,
    password_hash: '-',
  }))
  const expiresAt = new Date(Date.now() + DAY_MS)
  const sessions = people.map(({ user_id: userId }) => ({
    session_id: newUuid(),
    user_id: userId,
    address: '-',
    user_agent: '-',
    expires_at: expiresAt,
  }))
  const streams = Array.from({ length: chats }, (_one, i) => ({
    ...STREAM,
    stream_id: newUuid(),
    user_id: people[0]?.user_id ?? '',
    key_hash: `key-${i}`,
  }))
  await sql`insert into users ${sql(people)}`
  await sql`insert into sessions ${sql(sessions)}`
  await sql`insert into streams ${sql(streams)}`
  await sql.end()
  const key = deriveSessionKey(internalKey)
  const tokens = await Promise.all(
    sessions.map(({ session_id: sessionId, user_id: userId }) =>
      signSessionToken(key, { userId, sessionId }, { createdAt: new Date(), expiresAt }),
    ),
  )
  return { streamIds: streams.map(({ stream_id: id }) => id), tokens }
}

/** A broadcast that has not started. */
const STREAM = {
  title: 'A chat',
  description: '',
  category: '',
  tags: [],
  visibility: 'public',
  latency: 'low',
  is_recorded: false,
  dvr_sec: 0,
  state: 'ready',
  folder: '-',
}
