import { expect, test } from 'vitest'

import { createTransact } from '../../adapters/postgres/transact.ts'
import { DELETE_BATCH_ROWS } from '../../database/delete-in-batches.ts'
import { recordStatements } from '../../testing/examine-statements.ts'
import { createTestDatabase } from '../../testing/test-database.ts'
import { seedStream } from '../testing/seed-stream.ts'
import { deleteOutdatedNotices } from './notice-deliveries.ts'

test('the notices of a kind are deleted in statements of bounded size, and those of other kinds stay', async () => {
  await using database = await createTestDatabase()
  const { sql } = database
  const streamId = await seedStream(sql)
  await sql`
    insert into notifications (notification_id, user_id, kind, stream_id)
    select gen_random_uuid(), (select user_id from streams), kind, ${streamId} from unnest(array['soon', 'live']) kind`
  const { db, statements } = recordStatements(sql)
  await createTransact(db)((tx) => deleteOutdatedNotices(tx, { streamId, kind: 'soon' }))
  expect(await sql`select kind from notifications`).toEqual([{ kind: 'live' }])
  const deletions = statements.filter(({ text }) => text.includes('delete from "notifications"'))
  expect(deletions).toEqual([
    { text: expect.stringMatching(/limit \$\d/), values: expect.arrayContaining([DELETE_BATCH_ROWS]) },
  ])
})
