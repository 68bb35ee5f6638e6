import type { Sql } from 'postgres'

import { newUuid } from '../../../shared/ids.ts'

/** Inserts a broadcast on the air with its owner, as rows; returns its id. */
export async function seedStream(sql: Sql): Promise<string> {
  const [streamId, userId] = [newUuid(), newUuid()]
  await sql`
    insert into users (user_id, username, email, password_hash)
    values (${userId}, ${userId.slice(-12)}, ${`${userId}@example.org`}, '-')`
  await sql`
    insert into streams (stream_id, user_id, title, description, category, tags, visibility, latency, is_recorded, dvr_sec,
      state, key_hash, folder, started_at)
    values (${streamId}, ${userId}, 'A show', '', '', '{}', 'public', 'low', true, 0, 'live', ${streamId}, '-', now())`
  return streamId
}
