import { expect, test } from 'vitest'

import { createTransact } from '../../adapters/postgres/transact.ts'
import { countBlocks, recordStatements } from '../../testing/examine-statements.ts'
import { createTestDatabase } from '../../testing/test-database.ts'
import { seedStream } from '../testing/seed-stream.ts'
import { forgetPinned, forgetPinnedIn } from './kept-chats.ts'

/** Messages of others in the chat. */
const OTHERS = 20_000

test('the pinned copies of a user’s messages are removed without reading the messages of others', async () => {
  await using database = await createTestDatabase()
  const { sql } = database
  const streamId = await seedStream(sql)
  const [author] = await sql<{ id: string }[]>`
    insert into users (user_id, username, email, password_hash)
    values (gen_random_uuid(), 'author', 'author@example.org', '-') returning user_id as id`
  const [owner] = await sql<{ id: string }[]>`select user_id as id from streams`
  const userId = author?.id ?? ''
  const pinned = { kind: 'room', pinned: { userId, text: 'mine' } }
  await sql`
    insert into chat_entries (stream_id, seq, entry_id, kind, user_id, role, change, created_at)
    select ${streamId}, seq, gen_random_uuid(), case when seq = 7 then 'room' else 'message' end,
      (case when seq = 6 then ${userId} else ${owner?.id ?? ''} end)::uuid, 'viewer',
      case when seq = 7 then ${JSON.stringify(pinned)}::json end, now() from generate_series(1, ${OTHERS}) seq`
  await sql`vacuum analyze`
  const { db, statements } = recordStatements(sql)
  await createTransact(db)((tx) => forgetPinnedIn(tx, streamId, { userId }))
  await createTransact(db)((tx) => forgetPinned(tx, userId))
  const [room] = await sql<{ change: unknown }[]>`select change from chat_entries where kind = 'room'`
  expect(room?.change).toEqual({ kind: 'room', pinned: null })
  for (const statement of statements) expect(await countBlocks(sql, statement)).toBeLessThan(50)
})
