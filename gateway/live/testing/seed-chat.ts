import postgres from 'postgres'

import { newUuid } from '../../../shared/ids.ts'
import { deriveSessionKey } from '../../../shared/net/signing.ts'
import { signSessionToken } from '../accounts/session-token.ts'

/** A gateway whose chat is put under load. */
type SeededGateway = { readonly databaseUrl: string; readonly internalKey: string }

/** A broadcast with a chat, and the sessions of those who write. */
type SeededChat = { readonly streamId: string; readonly tokens: readonly string[] }

const DAY_MS = 86_400_000

/** Creates a broadcast with a chat, and sessions of `count` users as rows: each password would take its time. */
export async function seedChat({ databaseUrl, internalKey }: SeededGateway, count: number): Promise<SeededChat> {
  const sql = postgres(databaseUrl, { max: 1 })
  const streamId = newUuid()
  const people = Array.from({ length: count }, (_one, i) => ({
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
  await sql`insert into users ${sql(people)}`
  await sql`insert into sessions ${sql(sessions)}`
  await sql`
    insert into streams (stream_id, user_id, title, description, category, tags, visibility, latency, is_recorded,
      dvr_sec, state, key_hash, folder)
    values (${streamId}, ${people[0]?.user_id ?? ''}, 'A chat', '', '', '{}', 'public', 'low', false, 0, 'ready', '-', '-')`
  await sql.end()
  const key = deriveSessionKey(internalKey)
  const tokens = await Promise.all(
    sessions.map(({ session_id: sessionId, user_id: userId }) =>
      signSessionToken(key, { userId, sessionId }, { createdAt: new Date(), expiresAt }),
    ),
  )
  return { streamId, tokens }
}
